// SPDX-License-Identifier: Apache-2.0
#include "kernels/matmul.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr float tolerance = 1e-6F;  // up to a few hundred float32 terms, one order, fused or not

Matrix product(ExecContext const& exec, Matrix const& x, PackedWeights const& w) {
  Matrix y{x.rows, w.out()};
  matmul(exec, x.view(), w, y.view());
  return y;
}

}  // namespace

TEST_CASE("matmul worked out by hand") {
  ExecContext const exec = any_backend();
  Matrix x{2, 2};
  x.at(0, 0) = 1.0F;
  x.at(0, 1) = 2.0F;
  x.at(1, 0) = -1.0F;
  x.at(1, 1) = 0.5F;
  Matrix w{3, 2};
  for (std::int64_t o = 0; o < 3; ++o) {
    w.at(o, 0) = static_cast<float>(o);
    w.at(o, 1) = 10.0F;
  }

  Matrix const y = product(exec, x, pack(exec, w, DType::f32));

  CHECK(y.at(0, 0) == 20.0F);
  CHECK(y.at(0, 2) == 22.0F);
  CHECK(y.at(1, 1) == 4.0F);
  CHECK(y.at(1, 2) == 3.0F);
  CHECK(y.at(1, 3) == Matrix::untouched);
}

TEST_CASE("matmul agrees with the reference at every boundary of a tile") {
  ExecContext const fast = fast_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  for (std::int64_t const out : {1, 15, 16, 17, 33, 64, 81}) {
    for (std::int64_t const in : {1, 7, 64, 100}) {
      for (std::int64_t const rows : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 64}) {
        Matrix const w = random_matrix(out, in, 1);
        Matrix const x = random_bf16_matrix(rows, in, 2);

        Matrix const y = product(fast, x, pack(fast, w, dtype));

        Matrix const wanted = product(on_reference, x, pack(on_reference, w, dtype));
        INFO("out " << out << ", in " << in << ", rows " << rows);
        REQUIRE(difference(y, wanted) < tolerance * 3);
      }
    }
  }
}

TEST_CASE("a row of matmul has the same bits alone and among others") {
  ExecContext const fast = fast_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  bool const is_slow = fast.backend == Backend::cuda;  // emulated
  std::int64_t const out = is_slow ? 70 : 200;
  std::int64_t const in = is_slow ? 40 : 1500;
  Matrix const w = random_matrix(out, in, 3);
  Matrix const x = random_matrix(131, in, 4);
  PackedWeights const packed = pack(fast, w, dtype);
  Matrix const all = product(fast, x, packed);

  for (std::int64_t const rows : {1, 2, 3, 4, 5, 6, 7, 12, 13, 40}) {
    Matrix y{131, out};
    for (std::int64_t first = 0; first < 131; first += rows) {
      std::int64_t const count = std::min<std::int64_t>(rows, 131 - first);
      matmul(fast, x.part(first, count), packed, y.part(first, count));
    }
    INFO("rows " << rows);
    CHECK(y == all);
  }
}

TEST_CASE("an output of matmul has the same bits whatever the other outputs") {
  ExecContext const fast = fast_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  Matrix const w = random_matrix(113, 300, 5);
  Matrix const x = random_matrix(17, 300, 6);
  Matrix const all = product(fast, x, pack(fast, w, dtype));

  for (std::int64_t const first : {0, 1, 37, 112}) {
    PackedWeights part{fast, 113 - first, 300, dtype};
    RawRows rows = raw_rows(w);
    rows.data += first * w.stride() * size_of(DType::f32);
    rows.rows -= first;
    part.set(fast, {}, rows);
    Matrix const y = product(fast, x, part);
    for (std::int64_t t = 0; t < 17; ++t) {
      for (std::int64_t o = 0; o < y.cols; ++o) {
        REQUIRE(y.at(t, o) == all.at(t, first + o));
      }
    }
  }
}

TEST_CASE("weights set in pieces, from other types, are the same weights") {
  ExecContext const exec = any_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  Matrix const w = random_matrix(37, 70, 7);
  Matrix const x = random_matrix(3, 70, 8);
  Matrix const wanted = product(exec, x, pack(exec, w, dtype));
  std::vector<double> const wide(w.data.begin(), w.data.end());

  PackedWeights pieces{exec, 37, 70, dtype};
  for (std::int64_t row = 0; row < 37; row += 5) {
    std::int64_t const rows = std::min<std::int64_t>(5, 37 - row);
    for (std::int64_t col = 0; col < 70; col += 40) {
      std::int64_t const cols = std::min<std::int64_t>(40, 70 - col);
      auto const* const from = wide.data() + row * w.stride() + col;
      pieces.set(exec,
                 {row, col},
                 {reinterpret_cast<std::byte const*>(from), DType::f64, rows, cols, w.stride()});
    }
  }

  CHECK(product(exec, x, pieces) == wanted);
}

TEST_CASE("bfloat16 and float16 weights are read exactly") {
  ExecContext const exec = any_backend();
  std::vector<std::uint16_t> const bf16 = {0x3F80, 0xC000};  // 1, -2
  std::vector<std::uint16_t> const f16 = {0x3C00, 0xC000};   // 1, -2
  bool const half = GENERATE(false, true);
  auto const* const bytes = reinterpret_cast<std::byte const*>((half ? f16 : bf16).data());
  PackedWeights w{exec, 1, 2, DType::bf16};
  w.set(exec, {}, {bytes, half ? DType::f16 : DType::bf16, 1, 2, 2});
  Matrix x{1, 2};
  x.at(0, 0) = 3.0F;
  x.at(0, 1) = 5.0F;

  CHECK(product(exec, x, w).at(0, 0) == -7.0F);
}

TEST_CASE("grouped_matmul gives each expert's rows what matmul gives them") {
  ExecContext const fast = fast_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  std::vector<std::int32_t> const offsets = {0, 5, 5, 6, 40};
  Matrix const x = random_matrix(40, 96, 9);
  std::vector<PackedWeights> experts;
  Matrix wanted{40, 70};
  for (std::size_t e = 0; e < 4; ++e) {
    experts.push_back(pack(fast, random_matrix(70, 96, static_cast<unsigned>(e)), dtype));
    std::int64_t const rows = offsets[e + 1] - offsets[e];
    matmul(fast, x.part(offsets[e], rows), experts[e], wanted.part(offsets[e], rows));
  }

  Matrix y{40, 70};
  grouped_matmul(fast, x.view(), offsets, experts, y.view());

  CHECK(y == wanted);
}

TEST_CASE("grouped_matmul agrees with the reference") {
  ExecContext const fast = fast_backend();
  std::vector<std::int32_t> const offsets = {0, 0, 3, 20};
  Matrix const x = random_bf16_matrix(20, 50, 10);
  std::vector<PackedWeights> experts;
  std::vector<PackedWeights> reference_experts;
  for (unsigned e = 0; e < 3; ++e) {
    experts.push_back(pack(fast, random_matrix(33, 50, e), DType::bf16));
    reference_experts.push_back(pack(on_reference, random_matrix(33, 50, e), DType::bf16));
  }
  Matrix y{20, 33};
  Matrix wanted{20, 33};

  grouped_matmul(fast, x.view(), offsets, experts, y.view());
  grouped_matmul(on_reference, x.view(), offsets, reference_experts, wanted.view());

  CHECK(difference(y, wanted) < tolerance);
}

TEST_CASE("matmul_heads maps each head's columns with its own weights") {
  ExecContext const exec = any_backend();
  std::int64_t const rows = GENERATE(1, 9);
  Matrix const x = random_matrix(rows, 3 * 30, 11);
  HeadStrides const strides{30, 6, 25};
  std::vector<PackedWeights> heads;
  Matrix wanted{rows, 3 * 25};
  Matrix y = wanted;
  for (unsigned h = 0; h < 3; ++h) {
    heads.push_back(pack(exec, random_matrix(20, 24, h), DType::f32));
    MatrixView<float const> const own{x.data.data() + h * 30 + 6, rows, 24, x.stride()};
    MatrixView<float> const to{wanted.data.data() + h * 25, rows, 20, wanted.stride()};
    matmul(exec, own, heads.back(), to);
  }

  matmul_heads(exec, x.view(), heads, strides, y.view());

  CHECK(y == wanted);
}

TEST_CASE("matmul refuses shapes that do not match, and says which") {
  ExecContext const exec = any_backend();
  PackedWeights w{exec, 4, 8, DType::f32};
  Matrix const x{2, 7};
  Matrix y{2, 4};

  CHECK_THROWS_WITH(matmul(exec, x.view(), w, y.view()),
                    ContainsSubstring("matmul: columns of x = 7 (must be 8)"));
  CHECK_THROWS_AS(w.set(exec, {3, 0}, raw_rows(Matrix{2, 8})), ConfigError);
  CHECK_THROWS_AS((PackedWeights{exec, 4, 8, DType::f16}), ConfigError);
  std::vector<std::int32_t> const descending = {0, 3, 2};
  std::vector<PackedWeights> experts(2);
  CHECK_THROWS_AS(grouped_matmul(exec, x.view(), descending, experts, y.view()), ConfigError);
}
