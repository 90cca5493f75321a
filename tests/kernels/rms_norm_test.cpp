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
  ExecContext const exec = any_backend();
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
  ExecContext const fast = fast_backend();
  std::int64_t const size = GENERATE(1, 15, 16, 17, 64, 1000);
  std::int64_t const pieces = GENERATE(1, 3);
  Matrix const x = random_matrix(GENERATE(0, 1, 40), size * pieces, 1);
  Matrix y{x.rows, x.cols};
  Matrix wanted = y;

  rms_norm(fast, x.view(), weights(size), 1e-6F, y.view());
  rms_norm(on_reference, x.view(), weights(size), 1e-6F, wanted.view());

  CHECK(difference(y, wanted) < 1e-6F);
}

TEST_CASE("a row of rms_norm has the same bits alone and among others") {
  ExecContext const fast = fast_backend();
  Matrix const x = random_matrix(200, 1000, 2);
  Matrix y{200, 1000};
  Matrix alone = y;

  rms_norm(fast, x.view(), weights(1000), 1e-6F, y.view());
  for (std::int64_t t = 0; t < 200; ++t) {
    rms_norm(fast, x.part(t, 1), weights(1000), 1e-6F, alone.part(t, 1));
  }

  CHECK(alone == y);
}

TEST_CASE("rms_norm refuses a weight that does not divide the row, and a wrong epsilon") {
  ExecContext const exec = any_backend();
  Matrix const x{2, 8};
  Matrix y{2, 8};

  CHECK_THROWS_WITH(rms_norm(exec, x.view(), weights(7), 1e-6F, y.view()),
                    ContainsSubstring("weight has 7 elements (must divide the 8 columns of x)"));
  CHECK_THROWS_AS(rms_norm(exec, x.view(), weights(8), 0.0F, y.view()), ConfigError);
}

TEST_CASE("a norm over a cut row has the bits of the whole, and agrees with rms_norm") {
  ExecContext const exec = any_backend();
  std::int64_t const dim = GENERATE(1, 12, 16, 33);
  constexpr std::int64_t heads = 6;
  Matrix const x = random_matrix(5, heads * dim, 4);
  std::vector<float> const weight = weights(heads * dim);
  RowNorm const norm{heads * dim, 1e-5F};
  Matrix sums{5, heads};
  square_sums(exec, x.view(), dim, sums.view());
  Matrix whole = x;
  scale_by_sums(exec, std::as_const(sums).view(), weight, norm, whole.view());

  Matrix wanted{5, heads * dim};
  rms_norm(exec, x.view(), weight, norm.epsilon, wanted.view());
  CHECK(difference(whole, wanted) < 2e-6F);

  std::int64_t const first = 2 * dim;  // heads 2, 3 and 4
  Matrix part = x;
  MatrixView<float> const own = columns_of(part.view(), first, 3 * dim);
  Matrix own_sums{5, 3};
  square_sums(exec, as_const(own), dim, own_sums.view());
  scale_by_sums(
      exec,
      std::as_const(sums).view(),
      std::span{weight}.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(3 * dim)),
      norm,
      own);
  for (std::int64_t t = 0; t < 5; ++t) {
    for (std::int64_t h = 0; h < 3; ++h) {
      CHECK(own_sums.at(t, h) == sums.at(t, h + 2));
    }
    for (std::int64_t j = first; j < first + 3 * dim; ++j) {
      CHECK(part.at(t, j) == whole.at(t, j));
    }
  }
}
