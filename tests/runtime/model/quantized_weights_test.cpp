// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/session.hpp"
#include "runtime/batch/quantization_check.hpp"
#include "runtime/model/dummy_weights.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/golden_model.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

int num_ranks() {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  return ranks;
}

WeightPrecision with_codes() {
  WeightPrecision precision;
  precision.keeps_codes = true;
  return precision;
}

WeightPrecision quantised_to(char const* format) {
  WeightPrecision precision;
  precision.quantize_to = kernels::parse_quant_format(format, "test");
  return precision;
}

std::vector<std::string> quantised_models() {
  std::vector<std::string> names = test::golden_model_names();
  std::erase_if(names, [](std::string const& name) { return name.rfind("quant_", 0) != 0; });
  return names;
}

std::vector<float> logits_of(parallel::ProcessGrid const& grid,
                             test::GoldenModel const& golden,
                             kernels::Backend backend,
                             WeightPrecision const& precision) {
  auto const longest = static_cast<std::int64_t>(golden.prompt.size());
  test::LoadedModel model{grid, golden, backend, precision, longest};
  return model.run(golden.prompt);
}

/// The root mean square of the difference, of that of the values.
double relative_error(std::vector<float> const& expected, std::vector<float> const& found) {
  REQUIRE(expected.size() == found.size());
  double error = 0.0;
  double value = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(double{found[i]} - double{expected[i]}, 2);
    value += std::pow(double{expected[i]}, 2);
  }
  return std::sqrt(error / value);
}

/// The elements of a matrix of the reference backend, row by row.
std::vector<float> elements_of(kernels::PackedWeights const& w) {
  REQUIRE(w.dtype() == DType::f32);
  std::vector<float> values(static_cast<std::size_t>(w.out() * w.in()));
  std::memcpy(values.data(), w.data(), values.size() * sizeof(float));
  return values;
}

/// Whether `part` is columns [first, first + part.in()) of `whole`.
bool are_columns(kernels::PackedWeights const& whole,
                 kernels::PackedWeights const& part,
                 std::int64_t first) {
  std::vector<float> const all = elements_of(whole);
  std::vector<float> const some = elements_of(part);
  bool equal = whole.out() == part.out();
  for (std::int64_t o = 0; equal && o < part.out(); ++o) {
    auto const from = some.begin() + o * part.in();
    equal = std::equal(from, from + part.in(), all.begin() + o * whole.in() + first);
  }
  return equal;
}

}  // namespace

TEST_CASE("codes of a checkpoint that are kept stand for what dequantised ones do, on any grid") {
  kernels::KernelSession const session{1};
  std::string const name = GENERATE(from_range(quantised_models()));
  test::GoldenModel const golden = test::read_golden_model(name);
  int const ranks = num_ranks();
  if (golden.spec.layers.front().attention.heads % ranks != 0) {
    return;  // such a grid is refused
  }
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  auto const reference = kernels::Backend::reference;
  std::vector<float> const expected = logits_of(grid, golden, reference, DType::f32);
  CHECK(logits_of(grid, golden, reference, with_codes()) == expected);

  for (kernels::Backend const backend : kernels::available_backends()) {
    std::vector<float> const found = logits_of(grid, golden, backend, with_codes());
    double const error = relative_error(expected, found);
    INFO(name << " on " << name_of(backend) << ": " << error);
    // Activations may be quantised to 8 bits, and an expert may be chosen otherwise.
    CHECK(error < (golden.spec.has_experts() ? 0.3 : 0.05));
    if (ranks > 1 && grid.world().rank() == 0) {
      parallel::ProcessGrid const alone{MPI_COMM_SELF, {}};
      CHECK(logits_of(alone, golden, backend, with_codes()) == found);
    }
  }
}

TEST_CASE("weights quantised at load give the same bits on any grid, and err as their bits allow") {
  kernels::KernelSession const session{1};

  struct Bound {
    char const* format;
    double error;
  };

  auto const bound = GENERATE(Bound{"int8", 0.1}, Bound{"int4-g32-asym", 0.6}, Bound{"fp8", 0.3});
  std::string const name = GENERATE("llama3_bf16", "deepseek_v3", "gpt_oss", "phi3");
  test::GoldenModel const golden = test::read_golden_model(name);
  int const ranks = num_ranks();
  if (golden.spec.layers.front().attention.heads % ranks != 0) {
    return;  // such a grid is refused
  }
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  kernels::Backend const backend = kernels::available_backends().back();
  WeightPrecision const precision = quantised_to(bound.format);
  std::vector<float> const found = logits_of(grid, golden, backend, precision);
  double const error = relative_error(golden.prompt_logits, found);
  INFO(name << " to " << bound.format << ": " << error);
  CHECK(error > 1e-5);
  CHECK(error < bound.error * (golden.spec.has_experts() ? 3.0 : 1.0));
  if (ranks > 1 && grid.world().rank() == 0) {
    parallel::ProcessGrid const alone{MPI_COMM_SELF, {}};
    CHECK(logits_of(alone, golden, backend, precision) == found);
  }
}

TEST_CASE("codes and scales of a cut matrix are those of the whole one") {
  std::string const format = GENERATE("int8", "int8-g64", "int4-g32", "int4-g128-asym", "fp8");
  ModelSpec spec = test::read_golden_model("quant_gptq").spec;
  spec.quantization.reset();
  WeightPrecision const precision = quantised_to(format.c_str());
  kernels::ExecContext const exec{kernels::Backend::reference};
  ModelWeights const whole = make_dummy_weights(exec, spec, {}, precision);
  std::int32_t const tp = GENERATE(2, 3, 6);
  LayerWeights const& layer = whole.layers.front();
  for (std::int32_t rank = 0; rank < tp; ++rank) {
    ShardPlace const place{.tp_rank = rank, .tp_size = tp};
    ModelWeights const part = make_dummy_weights(exec, spec, place, precision);
    LayerSpec const& shape = spec.layers.front();
    CHECK(are_columns(layer.attention.out,
                      part.layers.front().attention.out,
                      head_cut(shape.attention, place).columns.first));
    CHECK(are_columns(layer.feed_forward.down,
                      part.layers.front().feed_forward.down,
                      feed_forward_cut(shape.feed_forward.intermediate, place).columns.first));
  }
}

TEST_CASE("the check of a quantisation measures matrices, layers and logits") {
  if (num_ranks() > 1) {
    return;  // it is local
  }
  kernels::KernelSession const session{1};
  test::GoldenModel const golden = test::read_golden_model("llama3_bf16");
  kernels::ExecContext const exec{kernels::available_backends().back()};
  io::Checkpoint const checkpoint = io::Checkpoint::open(golden.dir);
  auto const check = [&](char const* format) {
    return check_quantization(
        {exec, golden.spec, DType::f32, quantised_to(format)}, checkpoint, {golden.prompt});
  };
  QuantizationCheck const fine = check("int8-g32");
  QuantizationCheck const coarse = check("int4-g32");
  // Queries, keys, values, gates and ups; leaves of the two others are no whole chunks here.
  REQUIRE(fine.matrices.size() == golden.spec.layers.size() * 5 + 1);
  for (std::size_t i = 0; i < fine.matrices.size(); ++i) {
    CHECK(fine.matrices[i].relative > 1e-4);
    CHECK(fine.matrices[i].relative < 0.01);
    bool const is_head = i + 1 == fine.matrices.size();  // never below 8 bits
    CHECK(coarse.matrices[i].relative < (is_head ? 0.01 : 0.12));
    CHECK((is_head || coarse.matrices[i].relative > fine.matrices[i].relative));
  }
  REQUIRE(fine.layers.size() == golden.spec.layers.size());
  CHECK(fine.layers.back() < 0.05);
  CHECK(fine.logits.tokens == std::ssize(golden.prompt));
  CHECK(fine.logits.agreement > 0.8);  // the logits of random weights are nearly flat
  CHECK(fine.logits.divergence < 0.05);
  CHECK(coarse.logits.divergence > fine.logits.divergence);
  CHECK(coarse.logits.root_mean_square <= coarse.logits.largest);
}

TEST_CASE("a KV cache of eight bits changes layers and logits little") {
  if (num_ranks() > 1) {
    return;  // the check is local
  }
  kernels::KernelSession const session{1};

  struct Bound {
    DType dtype;
    double layer;
    double logits;
  };

  auto const bound = GENERATE(Bound{DType::i8, 0.02, 0.02}, Bound{DType::f8_e4m3, 0.12, 0.12});
  std::string const name = GENERATE("llama3_bf16", "qwen3", "olmo2", "gemma2");
  kernels::Backend const backend = GENERATE(from_range(kernels::available_backends()));
  test::GoldenModel const golden = test::read_golden_model(name);
  QuantizationCheck const check =
      check_quantization({{backend}, golden.spec, DType::f32, DType::f32, bound.dtype},
                         io::Checkpoint::open(golden.dir),
                         {golden.prompt});
  INFO(name << " on " << name_of(backend) << " in " << name_of(bound.dtype));
  double square = 0.0;
  for (float const logit : golden.prompt_logits) {
    square += double{logit} * double{logit};
  }
  double const size = std::sqrt(square / static_cast<double>(golden.prompt_logits.size()));
  CHECK(check.matrices.empty());
  CHECK(check.layers.back() > 1e-5);
  CHECK(check.layers.back() < bound.layer);
  CHECK(check.logits.root_mean_square / size < bound.logits);
}
