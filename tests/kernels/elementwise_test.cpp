// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

TEST_CASE("add and silu_mul worked out by hand") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  Matrix x{1, 2};
  x.at(0, 0) = 0.0F;
  x.at(0, 1) = 3.0F;
  Matrix gated{1, 1};
  Matrix sum = x;

  silu_mul(exec, std::as_const(x).view(), gated.view());
  add(exec, std::as_const(x).view(), sum.view());
  x.at(0, 0) = std::log(3.0F);  // silu: log(3) * 3/4

  CHECK(gated.at(0, 0) == 0.0F);
  CHECK(sum.at(0, 1) == 6.0F);
  CHECK(sum.at(0, 2) == Matrix::untouched);
  silu_mul(exec, std::as_const(x).view(), gated.view());
  CHECK(gated.at(0, 0) == Catch::Approx(std::log(3.0) * 0.75 * 3.0));
}

TEST_CASE("silu_mul agrees with the reference, also for huge gates") {
  std::int64_t const width = GENERATE(1, 15, 16, 17, 100, 2000);
  Matrix x = random_matrix(GENERATE(0, 1, 30), 2 * width, 1);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    x.at(t, 0) = t % 2 == 0 ? 200.0F : -200.0F;
  }
  Matrix y{x.rows, width};
  Matrix wanted = y;

  silu_mul(on_kokkos, std::as_const(x).view(), y.view());
  silu_mul(on_reference, std::as_const(x).view(), wanted.view());

  CHECK(difference(y, wanted) < 1e-6F);
}

TEST_CASE("an element of silu_mul has the same bits in a full vector and in a tail") {
  Matrix const x = random_matrix(1, 2 * 37, 2);
  Matrix y{1, 37};
  silu_mul(on_kokkos, x.view(), y.view());

  for (std::int64_t j = 0; j < 37; ++j) {
    Matrix one{1, 2};
    one.at(0, 0) = x.at(0, j);
    one.at(0, 1) = x.at(0, 37 + j);
    Matrix result{1, 1};
    silu_mul(on_kokkos, std::as_const(one).view(), result.view());
    CHECK(result.at(0, 0) == y.at(0, j));
  }
}

TEST_CASE("gather_rows and select_rows copy rows exactly") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  DType const dtype = GENERATE(DType::f32, DType::bf16);
  Matrix const x = random_matrix(9, 21, 3);
  RowTable table{exec, 9, 21, dtype};
  table.set(exec, {}, raw_rows(x));
  std::vector<std::int32_t> const rows = {8, 0, 8, 3};
  Matrix gathered{4, 21};
  Matrix selected{4, 21};

  gather_rows(exec, table, rows, gathered.view());
  select_rows(exec, x.view(), rows, selected.view());

  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t j = 0; j < 21; ++j) {
      float const value = x.at(rows[static_cast<std::size_t>(t)], j);
      CHECK(selected.at(t, j) == value);
      CHECK(gathered.at(t, j) ==
            (dtype == DType::f32 ? value : bf16_to_float(float_to_bf16(value))));
    }
  }
}

TEST_CASE("ids outside the table are refused") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  RowTable const table{exec, 9, 21, DType::f32};
  Matrix y{1, 21};
  std::vector<std::int32_t> const ids = {GENERATE(-1, 9)};

  CHECK_THROWS_AS(gather_rows(exec, table, ids, y.view()), ConfigError);
}
