// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/session.hpp"

#include "tests/kernels/cuda/cublaslt/standin.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/golden_logits.hpp"
#include "tests/support/golden_model.hpp"

// Models of fp8 on an emulated device whose matmuls are cuBLASLt's, of which a stand-in is there.

using namespace talus;  // NOLINT: tests only

namespace {

/// Of the logits' own root mean square: activations have three bits behind the point, in each of
/// the two layers' products. What they lose may send a token to other experts, some of whose logits
/// are others then: so it is of the middle one of all differences.
constexpr double tolerance = 0.08;

std::int64_t num_code_products() {
  test::StandinCounts now;
  talus_standin_counts(&now);
  return now.codes;
}

double root_mean_square(std::vector<float> const& values) {
  double sum = 0.0;
  for (float const value : values) {
    sum += double{value} * value;
  }
  return std::sqrt(sum / static_cast<double>(values.size()));
}

double middle_difference(std::vector<float> const& a, std::vector<float> const& b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences.push_back(std::abs(double{a[i]} - b[i]));
  }
  auto const middle = differences.begin() + std::ssize(differences) / 2;
  std::nth_element(differences.begin(), middle, differences.end());
  return *middle;
}

}  // namespace

TEST_CASE("models of fp8 have their logits, but for what activations lose") {
  kernels::KernelSession const session{1};
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  std::string const name = GENERATE("quant_compressed_fp8", "quant_deepseek_fp8");
  test::GoldenModel const golden = test::read_golden_model(name);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = ranks, .ep = ranks}};
  std::vector<std::int32_t> const tokens = test::all_tokens(golden);
  auto const all = static_cast<std::ptrdiff_t>(tokens.size());
  runtime::WeightPrecision precision{DType::f32};
  precision.keeps_codes = true;
  std::int64_t const before = num_code_products();
  test::LoadedModel model{
      grid, golden, kernels::Backend::cuda, precision, all, {}, kernels::MatmulLibrary::cublaslt};

  std::vector<float> const logits = test::run_in_chunks(model, tokens, all);

  std::vector<float> const expected = test::expected_logits(golden);
  REQUIRE(logits.size() == expected.size());
  double const found = middle_difference(logits, expected);
  double const size = root_mean_square(expected);
  INFO(name << ": " << found << " of " << size);
  CHECK(found < tolerance * size);
  CHECK(found > 0.0);
  CHECK(num_code_products() - before >= 4);
}
