// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/library_products.hpp"

#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "runtime/base/dtype.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/cuda/cublaslt/standin.hpp"
#include "tests/support/catch.hpp"

// Products by a stand-in of cuBLASLt, which has its name: see standin.cpp.

using namespace talus;                 // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr float tolerance = 1e-5F;  // float32 sums of up to a hundred terms, in another order

test::StandinCounts counts() {
  test::StandinCounts now;
  talus_standin_counts(&now);
  return now;
}

/// Numbers that are exact in bfloat16.
std::vector<std::uint16_t> random_bf16(std::int64_t size, unsigned seed) {
  std::mt19937 engine{seed};
  std::uniform_real_distribution<float> distribution{-1.0F, 1.0F};
  std::vector<std::uint16_t> values(static_cast<std::size_t>(size));
  for (std::uint16_t& value : values) {
    value = float_to_bf16(distribution(engine));
  }
  return values;
}

struct Workspace {
  static constexpr std::int64_t bytes = 1 << 16;

  std::vector<std::byte> memory = std::vector<std::byte>(bytes + 256);

  [[nodiscard]] ProductResources resources() {
    auto const first =
        (reinterpret_cast<std::uintptr_t>(memory.data()) + 255) & ~std::uintptr_t{255};
    return {reinterpret_cast<void*>(first), bytes};
  }
};

/// A product of matrices with room between their rows.
struct Problem {
  std::int64_t rows, outputs, inputs;
  std::int64_t gap;
  bool has_bias;

  void check(LibraryProducts& products) const {
    std::int64_t const stride = inputs + gap;
    std::int64_t const y_stride = outputs + gap;
    auto const x = random_bf16(rows * stride, 1);
    auto const w = random_bf16(outputs * stride, 2);
    std::vector<float> bias(static_cast<std::size_t>(outputs));
    for (std::size_t o = 0; o < bias.size(); ++o) {
      bias[o] = static_cast<float>(o) - 3.5F;
    }
    std::vector<float> y(static_cast<std::size_t>(rows * y_stride), 77.0F);
    products.multiply({.x = {x.data(), rows, inputs, stride},
                       .w = {w.data(), outputs, inputs, stride},
                       .y = {y.data(), rows, outputs, y_stride},
                       .bias = has_bias ? bias.data() : nullptr});
    INFO(rows << " rows, " << outputs << " outputs, " << inputs << " inputs");
    for (std::int64_t t = 0; t < rows; ++t) {
      for (std::int64_t o = 0; o < y_stride; ++o) {
        double sum = has_bias && o < outputs ? bias[static_cast<std::size_t>(o)] : 0.0;
        for (std::int64_t i = 0; i < inputs && o < outputs; ++i) {
          sum += double{bf16_to_float(x[static_cast<std::size_t>(t * stride + i)])} *
                 bf16_to_float(w[static_cast<std::size_t>(o * stride + i)]);
        }
        float const got = y[static_cast<std::size_t>(t * y_stride + o)];
        double const wanted = o < outputs ? sum : 77.0;
        REQUIRE(std::abs(got - wanted) <= tolerance * (1.0 + std::abs(wanted)));
      }
    }
  }
};

}  // namespace

TEST_CASE("products of every shape are what they should be, with and without a bias") {
  Workspace workspace;
  LibraryProducts products{require_cublaslt(), workspace.resources()};
  std::int64_t const before = counts().biases;
  for (std::int64_t const rows : {1, 2, 7, 16, 33}) {
    for (std::int64_t const outputs : {1, 3, 16, 65}) {
      for (std::int64_t const inputs : {1, 8, 31, 96}) {
        for (std::int64_t const gap : {0, 1, 8}) {
          Problem{rows, outputs, inputs, gap, false}.check(products);
          Problem{rows, outputs, inputs, gap, true}.check(products);
        }
      }
    }
  }
  CHECK(std::string{talus_standin_error()}.empty());
  CHECK(products.num_products() == 5 * 4 * 4 * 3 * 2);
  CHECK(counts().biases - before == products.num_products() / 2);
}

TEST_CASE("a plan is made once for each kind of product, and all goes with the products") {
  std::int64_t const objects = counts().objects;
  Workspace workspace;
  auto products = std::make_unique<LibraryProducts>(require_cublaslt(), workspace.resources());
  std::int64_t const before = counts().heuristics;
  for (int round = 0; round < 3; ++round) {
    Problem{4, 16, 32, 0, false}.check(*products);
    Problem{4, 16, 32, 0, true}.check(*products);
    Problem{5, 16, 32, 0, false}.check(*products);
    Problem{4, 16, 32, 8, false}.check(*products);
  }
  CHECK(products->plans().size() == 4);
  CHECK(counts().heuristics - before == 4);
  CHECK(counts().objects - objects == 1 + 4 * 4);  // preferences are gone

  products.reset();
  CHECK(counts().objects == objects);
}

TEST_CASE("memory that is less aligned has a plan of its own") {
  CHECK(alignment_of(reinterpret_cast<void*>(std::uintptr_t{4096})) == 16);
  CHECK(alignment_of(reinterpret_cast<void*>(std::uintptr_t{4096 + 8})) == 8);
  CHECK(alignment_of(reinterpret_cast<void*>(std::uintptr_t{4096 + 2})) == 2);
  CHECK(alignment_of(reinterpret_cast<void*>(std::uintptr_t{4096 + 1})) == 1);

  Workspace workspace;
  LibraryProducts products{require_cublaslt(), workspace.resources()};
  auto const x = random_bf16(64, 1);
  auto const w = random_bf16(64, 2);
  std::vector<float> y(16);
  for (std::int64_t const first : {0, 1, 2, 0, 1}) {
    products.multiply(
        {.x = {x.data() + first, 2, 8, 8}, .w = {w.data(), 4, 8, 8}, .y = {y.data(), 2, 4, 4}});
  }
  CHECK(products.plans().size() == 3);
  std::vector<float> const bias(8);
  for (std::int64_t const first : {0, 1, 2, 0, 1}) {
    products.multiply({.x = {x.data(), 2, 8, 8},
                       .w = {w.data(), 4, 8, 8},
                       .y = {y.data(), 2, 4, 4},
                       .bias = bias.data() + first});
  }
  CHECK(products.plans().size() == 6);
  CHECK(std::string{talus_standin_error()}.empty());
}

TEST_CASE("a product that the library has no algorithm for is an error that names it") {
  Workspace workspace;
  LibraryProducts products{require_cublaslt(), workspace.resources()};
  test::StandinRules const rules{.finds_nothing = true};
  talus_standin_set(&rules);
  CHECK_THROWS_WITH((Problem{3, 4, 5, 0, false}.check(products)),
                    ContainsSubstring("no algorithm for 3 rows, 4 outputs, 5 inputs"));
  test::StandinRules const usual;
  talus_standin_set(&usual);
  Problem{3, 4, 5, 0, false}.check(products);  // nothing of it was kept
}

TEST_CASE("where cuBLASLt isn't, or is another library, it is said which") {
  char const* const nowhere[] = {"no/such/libcublasLt.so.13", "nor/this.so"};
  CHECK_THAT(open_cublaslt(nowhere).problem,
             ContainsSubstring("no/such/libcublasLt.so.13") && ContainsSubstring("nor/this.so"));
  char const* const other[] = {"no/such/libcublasLt.so.13", "libc.so.6"};
  CHECK(open_cublaslt(other).problem == "cuBLASLt: the library has no cublasLtGetVersion");
  CHECK(require_cublaslt().version == 130001);
}
