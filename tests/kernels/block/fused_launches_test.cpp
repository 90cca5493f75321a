// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <string>
#include <utility>

#include "kernels/add_rms_norm.hpp"
#include "kernels/attention_inputs.hpp"
#include "kernels/biased_activation.hpp"
#include "kernels/joint_matmul.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/padded.hpp"

// Operations that are several in one pass: that they are one launch on a device, and what they give
// by every schedule. That they have the bits of their parts is tested beside other backends.

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels;                    // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// The kernels that are launched, in order.
std::vector<std::string> launches_of(std::function<void()> const& run) {
  std::vector<LaunchRecord> log;
  ScopedSchedule scoped{{Schedule::Order::forward}};
  scoped.log_launches(log);
  run();
  std::vector<std::string> names;
  for (LaunchRecord const& record : log) {
    names.emplace_back(record.kernel);
  }
  return names;
}

using Names = std::vector<std::string>;

/// Three rows of which two are one sequence's.
struct Step {
  std::vector<std::int32_t> first_row{0, 2, 3};
  std::vector<std::int32_t> context{15, 4};
  std::vector<std::int32_t> tables{2, 0, 1, -1};
  std::vector<std::int32_t> positions{15, 16, 4};

  [[nodiscard]] PagedBatch batch() const { return {first_row, context, tables, 2}; }
};

}  // namespace

TEST_CASE("add_rms_norm is one launch, by every schedule") {
  std::int64_t const cols = GENERATE(96, 1100);
  std::vector<float> const norm = random_vector(cols, 1);
  auto const run = [&] {
    Padded y = random_padded(3, cols, 4, 2);
    Padded x = random_padded(3, cols, 4, 3);
    Padded normed{3, cols, 4};
    add_rms_norm(on_cuda, {norm, norm, 1e-5F, 0.5F}, y.view(), x.view(), normed.view());
    return std::pair{x, normed};
  };

  CHECK(launches_of([&] { run(); }) == Names{"talus::kernels::add_rms_norm"});
  check_schedules(run(), run);
}

TEST_CASE("prepare_heads is one launch, by every schedule") {
  DType const dtype = GENERATE(DType::f32, DType::i8);
  Step const step;
  std::vector<float> const angles = random_vector(20 * 16, 1);
  std::vector<float> const norm = random_vector(40, 2);
  std::vector<float> const bias = random_vector(10 * 40, 3);
  HeadInputs const inputs{.num_heads = 6,
                          .num_kv_heads = 2,
                          .head_dim = 40,
                          .bias = bias,
                          .q_norm = norm,
                          .k_norm = norm,
                          .epsilon = 1e-5F,
                          .rotation = {step.positions, {angles, angles}, {angles, angles}, 32}};
  auto const run = [&] {
    KvCache cache{on_cuda, {2, 40, 40, false, dtype}, 3, 16};
    Padded qkv = random_padded(3, 400, 4, 4);
    prepare_heads(on_cuda, inputs, step.batch(), qkv.view(), cache);
    return std::pair{qkv,
                     std::vector(cache.data(), cache.data() + 48 * cache.shape().token_bytes())};
  };

  CHECK(launches_of([&] { run(); }) == Names{"talus::kernels::prepare_heads"});
  check_schedules(run(), run);
}

TEST_CASE("prepare_latent is one launch, by every schedule") {
  DType const dtype = GENERATE(DType::f32, DType::i8);
  Step const step;
  std::vector<float> const angles = random_vector(20 * 4, 1);
  std::vector<float> const norm = random_vector(36, 2);
  LatentInputs const inputs{
      9, 24, norm, 1e-5F, {step.positions, {angles, angles}, {angles, angles}, 8}};
  auto const run = [&] {
    KvCache cache{on_cuda, {1, 44, 36, true, dtype}, 3, 16};
    Padded latent = random_padded(3, 44, 4, 3);
    Padded q = random_padded(3, 9 * 24, 4, 4);
    Padded absorbed{3, 9 * 44, 4};
    prepare_latent(
        on_cuda, inputs, step.batch(), {latent.view(), q.view(), absorbed.view()}, cache);
    return std::pair{absorbed,
                     std::vector(cache.data(), cache.data() + 48 * cache.shape().token_bytes())};
  };

  CHECK(launches_of([&] { run(); }) == Names{"talus::kernels::prepare_latent"});
  check_schedules(run(), run);
}

TEST_CASE("biased activations are one launch, by every schedule") {
  std::vector<std::vector<float>> const biases{random_vector(96, 1), random_vector(96, 2)};
  std::vector<std::int32_t> const offsets{0, 2, 3};
  bool const has_experts = GENERATE(false, true);
  auto const run = [&] {
    Padded x = random_padded(3, 96, 4, 3);
    Padded y{3, 48, 4};
    if (has_experts) {
      activate_experts(on_cuda, {}, {biases, offsets}, x.view(), y.view());
    } else {
      activate_biased(on_cuda, {}, biases.front(), x.view(), y.view());
    }
    return y;
  };

  CHECK(launches_of([&] { run(); }) == Names{"talus::kernels::activate_biased"});
  check_schedules(run(), run);
}

TEST_CASE("joint_matmul quantises its rows once") {
  QuantFormat const format = parse_quant_format("int8", "");
  PackedWeights w{on_cuda, 40, 64, {format, DType::bf16, 0}};
  Matrix const values = random_matrix(40, 64, 1);
  w.set(on_cuda, {}, quantize(values.view(), format).view());
  auto const run = [&] {
    Matrix const x = random_matrix(3, 64, 2);
    std::vector<Matrix> results(2, Matrix{3, 40});
    std::vector<JointProduct> const products{{&w, results[0].view()}, {&w, results[1].view()}};
    joint_matmul(on_cuda, x.view(), products);
    return results;
  };

  CHECK(launches_of([&] { run(); }) ==
        Names{"talus::kernels::quantize_rows", "talus::kernels::code_matmul"});
  check_schedules(run(), run);
}
