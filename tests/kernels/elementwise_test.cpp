// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

TEST_CASE("add, add_bias and scale_and_cap worked out by hand") {
  ExecContext const exec = any_backend();
  Matrix x{2, 2};
  x.at(0, 0) = 1.0F;
  x.at(0, 1) = -2.0F;
  x.at(1, 0) = 100.0F;
  x.at(1, 1) = 0.0F;
  Matrix y = x;

  add(exec, std::as_const(x).view(), y.view(), 0.5F);
  CHECK(y.at(0, 0) == 1.5F);
  CHECK(y.at(1, 0) == 150.0F);
  CHECK(y.at(0, 2) == Matrix::untouched);

  std::vector<float> const bias = {10.0F, 20.0F};
  add_bias(exec, bias, y.view());
  CHECK(y.at(0, 0) == 11.5F);
  CHECK(y.at(1, 1) == 20.0F);

  scale_and_cap(exec, 2.0F, 0.0F, y.view());
  CHECK(y.at(0, 0) == 23.0F);
  scale_and_cap(exec, 1.0F, 30.0F, y.view());
  CHECK(y.at(0, 0) == Catch::Approx(30.0 * std::tanh(23.0 / 30.0)));
  CHECK(y.at(1, 0) == Catch::Approx(30.0));
  CHECK(y.at(0, 2) == Matrix::untouched);
}

TEST_CASE("add_bias and scale_and_cap refuse what does not fit") {
  ExecContext const exec = any_backend();
  Matrix y{1, 3};
  CHECK_THROWS_AS(add_bias(exec, std::vector<float>(2), y.view()), ConfigError);
  CHECK_THROWS_AS(scale_and_cap(exec, 1.0F, -1.0F, y.view()), ConfigError);
}

TEST_CASE("gather_rows and select_rows copy rows exactly") {
  ExecContext const exec = any_backend();
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
  ExecContext const exec = any_backend();
  RowTable const table{exec, 9, 21, DType::f32};
  Matrix y{1, 21};
  std::vector<std::int32_t> const ids = {GENERATE(-1, 9)};

  CHECK_THROWS_AS(gather_rows(exec, table, ids, y.view()), ConfigError);
}
