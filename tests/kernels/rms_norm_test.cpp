// SPDX-License-Identifier: Apache-2.0
#include "kernels/rms_norm.hpp"

#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::vector<float> weights(std::int64_t size) {
  std::vector<float> values;
  for (std::int64_t j = 0; j < size; ++j) {
    values.push_back(1.0F + 0.1F * static_cast<float>(j % 7));
  }
  return values;
}

}  // namespace

TEST_CASE("rms_norm of a row worked out by hand") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  Matrix x{1, 2};
  x.at(0, 0) = 3.0F;
  x.at(0, 1) = 4.0F;  // mean square 12.5
  std::vector<float> const weight = {1.0F, 10.0F};

  rms_norm(exec, std::as_const(x).view(), weight, 1e-12F, x.view());  // in place

  CHECK(x.at(0, 0) == Catch::Approx(3.0 / std::sqrt(12.5)));
  CHECK(x.at(0, 1) == Catch::Approx(40.0 / std::sqrt(12.5)));
  CHECK(x.at(0, 2) == Matrix::untouched);
}

TEST_CASE("rms_norm agrees with the reference, in rows and in heads") {
  std::int64_t const size = GENERATE(1, 15, 16, 17, 64, 1000);
  std::int64_t const pieces = GENERATE(1, 3);
  Matrix const x = random_matrix(GENERATE(0, 1, 40), size * pieces, 1);
  Matrix y{x.rows, x.cols};
  Matrix wanted = y;

  rms_norm(on_kokkos, x.view(), weights(size), 1e-6F, y.view());
  rms_norm(on_reference, x.view(), weights(size), 1e-6F, wanted.view());

  CHECK(difference(y, wanted) < 1e-6F);
}

TEST_CASE("a row of rms_norm has the same bits alone and among others") {
  Matrix const x = random_matrix(200, 1000, 2);
  Matrix y{200, 1000};
  Matrix alone = y;

  rms_norm(on_kokkos, x.view(), weights(1000), 1e-6F, y.view());
  for (std::int64_t t = 0; t < 200; ++t) {
    rms_norm(on_kokkos, x.part(t, 1), weights(1000), 1e-6F, alone.part(t, 1));
  }

  CHECK(alone == y);
}

TEST_CASE("rms_norm refuses a weight that does not divide the row, and a wrong epsilon") {
  ExecContext const exec{GENERATE(Backend::reference, Backend::kokkos)};
  Matrix const x{2, 8};
  Matrix y{2, 8};

  CHECK_THROWS_WITH(rms_norm(exec, x.view(), weights(7), 1e-6F, y.view()),
                    ContainsSubstring("weight has 7 elements (must divide the 8 columns of x)"));
  CHECK_THROWS_AS(rms_norm(exec, x.view(), weights(8), 0.0F, y.view()), ConfigError);
}
