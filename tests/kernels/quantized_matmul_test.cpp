// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>
#include <cmath>

#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::array formats{QuantFormat{QuantKind::int8, 0, false, 1},
                             QuantFormat{QuantKind::int8, 64, true, 1},
                             QuantFormat{QuantKind::int4, 32, false, 1},
                             QuantFormat{QuantKind::int4, 128, true, 1},
                             QuantFormat{QuantKind::mxfp4, 32, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 0, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 128, false, 128}};

QuantFormat any_format() {
  return GENERATE(from_range(formats));
}

/// Whether codes are multiplied with rows that are rounded to bfloat16 (block/float_codes_test.cpp
/// has the order of these sums).
bool rounds_rows(ExecContext const& exec, QuantFormat const& format) {
  return exec.backend == Backend::cuda && format.kind == QuantKind::fp8_e4m3;
}

/// Codes of all values, scales that are exact as bfloat16 and, but for their range, as float16.
QuantizedMatrix random_codes(QuantFormat const& format,
                             std::int64_t rows,
                             std::int64_t cols,
                             unsigned seed) {
  std::mt19937 engine{seed};
  bool const is_fp8 = format.kind == QuantKind::fp8_e4m3;
  bool const has_bytes = format.kind == QuantKind::int8 || is_fp8;
  std::uniform_int_distribution<int> codes{0, has_bytes ? 255 : 15};
  std::uniform_int_distribution<int> mantissas{128, 255};
  QuantizedMatrix result{format, rows, cols, {}, {}, {}};
  result.codes.resize(static_cast<std::size_t>(rows * cols));
  result.scales.resize(static_cast<std::size_t>(rows * groups_of(format, cols)));
  result.zeros.resize(format.zero_points ? result.scales.size() : 0);
  for (auto& code : result.codes) {
    code = static_cast<std::uint8_t>(codes(engine));
    code = is_fp8 && code % 128 == 127 ? 0 : code;  // not NaN
  }
  for (auto& scale : result.scales) {
    scale = std::ldexp(static_cast<float>(mantissas(engine)), -14);
  }
  for (auto& zero : result.zeros) {
    zero = static_cast<std::uint8_t>(codes(engine));
  }
  return result;
}

PackedWeights pack_part(ExecContext const& exec,
                        QuantizedMatrix const& w,
                        LeafRange rows,
                        LeafRange cols,
                        DType scales = DType::bf16) {
  std::int64_t const phase = w.format.group == 0 ? 0 : cols.first % w.format.group;
  PackedWeights packed{
      exec, rows.last - rows.first, cols.last - cols.first, {w.format, scales, phase}};
  packed.set(exec, {}, w.view(rows.first, rows.last, cols.first, cols.last));
  return packed;
}

PackedWeights pack_whole(ExecContext const& exec,
                         QuantizedMatrix const& w,
                         DType scales = DType::bf16) {
  return pack_part(exec,
                   w,
                   {0, static_cast<std::int32_t>(w.rows)},
                   {0, static_cast<std::int32_t>(w.cols)},
                   scales);
}

/// A code's value and its zero point, as integers: those of e2m1 doubled.
struct Integers {
  std::int32_t value = 0;
  std::int32_t zero = 0;
};

Integers integers_of(QuantizedMatrix const& w, std::int64_t o, std::int64_t i, std::int64_t at) {
  float const factor = w.format.kind == QuantKind::mxfp4 ? 2.0F : 1.0F;
  auto const code = w.codes[static_cast<std::size_t>(o * w.cols + i)];
  Integers result{static_cast<std::int32_t>(factor * code_value(w.format, code)), 0};
  if (w.format.zero_points) {
    auto const zero = w.zeros[static_cast<std::size_t>(at)];
    result.zero = static_cast<std::int32_t>(code_value(w.format, zero));
  }
  return result;
}

/// How a float32 product is added.
enum class Sum { fused, rounded_twice };

/// One output of fp8, as float_codes.hpp defines it.
float float_output(QuantizedMatrix const& w, float const* x, std::int64_t o, Sum how) {
  float sum = 0.0F;
  for (std::int64_t i = 0; i < w.cols; ++i) {
    float const scale = w.scales[static_cast<std::size_t>(w.view().scale_index(o, i))];
    float const weight =
        code_value(w.format, w.codes[static_cast<std::size_t>(o * w.cols + i)]) * scale;
    float const product = x[i] * weight;
    sum = how == Sum::fused ? std::fma(x[i], weight, sum) : sum + product;
  }
  return sum;
}

/// One output of integers, as quantized_functions.hpp defines it.
float output(QuantizedMatrix const& w, float const* x, std::int64_t o, Sum how) {
  float sum = 0.0F;
  for (std::int64_t first = 0; first < w.cols; first += quant_chunk) {
    std::int64_t const last = std::min(first + quant_chunk, w.cols);
    float most = 0.0F;
    for (std::int64_t i = first; i < last; i += 2) {
      most = std::max(most, std::fabs(x[i]) + (i + 1 < last ? std::fabs(x[i + 1]) : 0.0F));
    }
    float const factor = most == 0.0F ? 0.0F : 127.0F / most;
    std::int64_t const at = w.view().scale_index(o, first);
    std::int32_t products = 0;
    for (std::int64_t i = first; i < last; ++i) {
      float const scaled = x[i] * factor;
      Integers const code = integers_of(w, o, i, at);
      products += static_cast<std::int32_t>(std::nearbyint(scaled)) * (code.value - code.zero);
    }
    float const half = w.format.kind == QuantKind::mxfp4 ? 0.5F : 1.0F;
    float const weight_scale = w.scales[static_cast<std::size_t>(at)] * half;
    float const scale = weight_scale * (most / 127.0F);
    float const product = static_cast<float>(products) * scale;
    sum = how == Sum::fused ? std::fma(static_cast<float>(products), scale, sum) : sum + product;
  }
  return sum;
}

Matrix plain_matmul(QuantizedMatrix const& w, Matrix const& x, Sum how) {
  Matrix y{x.rows, w.rows};
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t o = 0; o < w.rows; ++o) {
      float const* const row = &x.data[static_cast<std::size_t>(t * x.stride())];
      y.at(t, o) = w.format.kind == QuantKind::fp8_e4m3 ? float_output(w, row, o, how)
                                                        : output(w, row, o, how);
    }
  }
  return y;
}

bool is_same_row(Matrix const& a, std::int64_t row_of_a, Matrix const& b, std::int64_t row_of_b) {
  return std::memcmp(&a.data[static_cast<std::size_t>(row_of_a * a.stride())],
                     &b.data[static_cast<std::size_t>(row_of_b * b.stride())],
                     static_cast<std::size_t>(a.cols) * sizeof(float)) == 0;
}

Matrix multiply(ExecContext const& exec, Matrix const& x, PackedWeights const& w) {
  Matrix y{x.rows, w.out()};
  matmul(exec, x.view(), w, y.view());
  return y;
}

Matrix columns(Matrix const& matrix, std::int64_t first, std::int64_t last) {
  Matrix part{matrix.rows, last - first};
  for (std::int64_t i = 0; i < matrix.rows; ++i) {
    for (std::int64_t j = first; j < last; ++j) {
      part.at(i, j - first) = matrix.at(i, j);
    }
  }
  return part;
}

/// The sum over leaves from `num_parts` parts, whose partial sums are folded in tree order.
Matrix sum_of_parts(ExecContext const& exec,
                    Matrix const& x,
                    QuantizedMatrix const& w,
                    SumTree const& tree,
                    int num_parts) {
  auto const extent = static_cast<std::int32_t>(w.cols);
  std::vector<Matrix> stack;
  for (int p = 0; p < num_parts; ++p) {
    LeafRange const run = tree.run_of(p, num_parts);
    std::int32_t const begin = leaf_extent(run.first, tree.num_leaves(), extent, 32).first;
    std::vector<std::int32_t> cuts{0};
    for (std::int32_t leaf = run.first; leaf < run.last; ++leaf) {
      cuts.push_back(leaf_extent(leaf, tree.num_leaves(), extent, 32).last - begin);
    }
    std::int32_t const end = begin + cuts.back();
    auto const own = pack_part(exec, w, {0, static_cast<std::int32_t>(w.rows)}, {begin, end});
    std::vector<LeafRange> const nodes = tree.nodes_of(run);
    std::vector<Matrix> partials(nodes.size(), Matrix{x.rows, w.rows});
    std::vector<MatrixView<float>> views;
    for (Matrix& partial : partials) {
      views.push_back(partial.view());
    }
    Matrix const own_x = columns(x, begin, end);
    matmul_leaves(exec, own_x.view(), own, {&tree, run, cuts}, views);
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      stack.push_back(partials[n]);
      for (std::int32_t i = tree.folds_after(nodes[n], 0); i > 0; --i) {
        Matrix const newer = stack.back();
        stack.pop_back();
        for (std::int64_t t = 0; t < x.rows; ++t) {
          for (std::int64_t o = 0; o < w.rows; ++o) {
            stack.back().at(t, o) += newer.at(t, o);
          }
        }
      }
    }
  }
  return stack.front();
}

}  // namespace

TEST_CASE("a quantised matmul is the sum that its definition says, bit by bit") {
  ExecContext const exec = fast_backend();
  QuantFormat const format = any_format();
  std::int64_t const rows = GENERATE(1, 5, 14);
  if (rounds_rows(exec, format)) {
    return;
  }
  QuantizedMatrix const w = random_codes(format, 35, 200, 1);
  Matrix const x = random_matrix(rows, 200, 2);

  Matrix const y = multiply(exec, x, pack_whole(exec, w));

  bool const is_definition =
      y == plain_matmul(w, x, Sum::fused) || y == plain_matmul(w, x, Sum::rounded_twice);
  CHECK(is_definition);
}

TEST_CASE("a quantised matmul is close to that of the dequantised weights") {
  ExecContext const exec = fast_backend();
  QuantFormat const format = any_format();
  QuantizedMatrix const w = random_codes(format, 50, 352, 3);
  Matrix const x = random_matrix(9, 352, 4);
  PackedWeights const dequantised = pack_whole(on_reference, w);
  REQUIRE(!dequantised.codes());

  CHECK(difference(multiply(exec, x, pack_whole(exec, w)), multiply(on_reference, x, dequantised)) <
        0.02F);
}

TEST_CASE("DeepSeek's blocks of fp8 multiply as their values do, and stay eight bits") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix const w = random_codes({QuantKind::fp8_e4m3, 128, false, 128}, 200, 256, 5);
  Matrix const x =
      rounds_rows(exec, w.format) ? random_bf16_matrix(3, 256, 6) : random_matrix(3, 256, 6);
  PackedWeights const packed = pack_whole(exec, w);

  CHECK(packed.bytes() < 200 * 256 * 5 / 4);
  CHECK(difference(multiply(exec, x, packed),
                   multiply(on_reference, x, pack_whole(on_reference, w))) < 1e-6F);
}

TEST_CASE("scales of fp8 that no weight has are refused") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix w = random_codes({QuantKind::fp8_e4m3, 0, false, 1}, 16, 32, 5);
  w.scales[3] = -256.0F;

  CHECK_THROWS_WITH(pack_whole(exec, w), Catch::Matchers::ContainsSubstring("scale -256"));
}

TEST_CASE("a row has the same bits alone, among others, and on one thread") {
  ExecContext const exec = fast_backend();
  QuantFormat const format = any_format();
  QuantizedMatrix const w = random_codes(format, 130, 640, 7);
  PackedWeights const packed = pack_whole(exec, w);
  Matrix const x = random_matrix(70, 640, 8);
  Matrix const all = multiply(exec, x, packed);
  ExecContext alone = exec;
  alone.team = nullptr;

  CHECK(multiply(alone, x, packed) == all);
  for (std::int64_t const row : {0, 33, 69}) {
    Matrix y{1, 130};
    matmul(exec, x.part(row, 1), packed, y.view());
    CHECK(is_same_row(y, 0, all, row));
  }
}

TEST_CASE("an output has the same bits in any cut of the outputs") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix const w = random_codes(any_format(), 90, 256, 9);
  Matrix const x = random_matrix(4, 256, 10);
  Matrix const whole = multiply(exec, x, pack_whole(exec, w));

  Matrix const part = multiply(exec, x, pack_part(exec, w, {37, 90}, {0, 256}));

  CHECK(part == columns(whole, 37, 90));
}

TEST_CASE("the sum of quantised leaves has the same bits on any number of parts") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix const w = random_codes(any_format(), 35, 864, 11);
  Matrix const x = random_matrix(GENERATE(1, 14), 864, 12);
  std::int32_t const leaves = GENERATE(1, 6, 12, 32);
  SumTree const tree{leaves};
  Matrix const wanted = sum_of_parts(exec, x, w, tree, 1);

  CHECK(difference(wanted, multiply(exec, x, pack_whole(exec, w))) < 1e-5F);
  for (int const parts : {2, 3, 6}) {
    if (parts <= leaves) {
      CHECK(sum_of_parts(exec, x, w, tree, parts) == wanted);
    }
  }
}

TEST_CASE("experts and heads of quantised weights are matmuls of their own") {
  ExecContext const exec = fast_backend();
  QuantFormat const format = any_format();
  std::vector<PackedWeights> weights;
  for (unsigned e = 0; e < 3; ++e) {
    weights.push_back(pack_whole(exec, random_codes(format, 40, 96, 20 + e)));
  }
  Matrix const x = random_matrix(17, 96, 13);
  std::vector<std::int32_t> const offsets{0, 2, 2, 17};
  Matrix y{17, 40};
  grouped_matmul(exec, x.view(), offsets, weights, y.view());
  Matrix const wide = random_matrix(5, 3 * 100, 14);
  Matrix heads{5, 3 * 40};
  matmul_heads(exec, wide.view(), weights, {100, 4, 40}, heads.view());

  for (std::size_t e = 0; e < 3; ++e) {
    auto const head = static_cast<std::int64_t>(e);
    Matrix const own = multiply(exec, columns(wide, head * 100 + 4, head * 100 + 100), weights[e]);
    CHECK(columns(heads, head * 40, head * 40 + 40) == own);
    Matrix const all = multiply(exec, x, weights[e]);
    for (std::int64_t row = offsets[e]; row < offsets[e + 1]; ++row) {
      CHECK(is_same_row(y, row, all, row));
    }
  }
}

TEST_CASE("quantised weights are the same however they are set, with scales of any type") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix const w = random_codes({QuantKind::int4, 64, true, 1}, 50, 300, 15);
  Matrix const x = random_matrix(2, 300, 16);
  Matrix const wanted = multiply(exec, x, pack_whole(exec, w));
  PackedWeights pieces{exec, 50, 300, {w.format, DType::bf16, 0}};
  pieces.set(exec, {20, 0}, w.view(20, 50, 0, 101));
  pieces.set(exec, {20, 101}, w.view(20, 50, 101, 300));
  pieces.set(exec, {0, 0}, w.view(0, 20, 0, 300));

  CHECK(multiply(exec, x, pieces) == wanted);
  CHECK(multiply(exec, x, pack_whole(exec, w, DType::f32)) == wanted);
  CHECK(multiply(exec, x, pack_whole(exec, w, DType::f16)) == wanted);
}

TEST_CASE("inputs that are zero, tiny or not finite are what they are in every other matmul") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix const w = random_codes({QuantKind::int8, 0, false, 1}, 20, 64, 17);
  Matrix x = random_matrix(4, 64, 18);
  std::fill_n(&x.at(0, 0), 64, 0.0F);
  std::fill_n(&x.at(1, 0), 64, 1e-38F);
  x.at(2, 40) = NAN;
  x.at(3, 3) = INFINITY;

  Matrix const y = multiply(exec, x, pack_whole(exec, w));

  for (std::int64_t o = 0; o < 20; ++o) {
    CHECK(y.at(0, o) == 0.0F);
    CHECK(std::fabs(y.at(1, o)) < 1e-30F);
    CHECK(std::isnan(y.at(2, o)));
    CHECK(!std::isfinite(y.at(3, o)));
  }
}

TEST_CASE("quantised weights refuse what doesn't fit them") {
  ExecContext const exec = fast_backend();
  QuantizedMatrix w = random_codes({QuantKind::int4, 32, false, 1}, 8, 64, 19);
  PackedWeights packed{exec, 8, 64, {w.format, DType::bf16, 0}};
  QuantizedMatrix const other = random_codes({QuantKind::int8, 32, false, 1}, 8, 64, 20);

  CHECK_THROWS_AS(packed.set(exec, {}, other.view()), ConfigError);
  CHECK_THROWS_AS(packed.set(exec, {1, 0}, w.view()), ConfigError);
  CHECK_THROWS_AS((PackedWeights{exec, 8, 64, {w.format, DType::i8, 0}}), ConfigError);
  CHECK_THROWS_AS((PackedWeights{exec, 8, 64, {w.format, DType::f32, 16}}), ConfigError);
  w.scales[3] = 1.0F / 3.0F;
  CHECK_THROWS_AS(packed.set(exec, {}, w.view()), ConfigError);
  SumTree const tree{2};
  std::vector<std::int32_t> const cuts{0, 40, 64};
  Matrix const x{1, 64};
  Matrix y{1, 8};
  MatrixView<float> const partial = y.view();
  CHECK_THROWS_AS(matmul_leaves(exec, x.view(), packed, {&tree, {0, 2}, cuts}, {&partial, 1}),
                  ConfigError);
}
