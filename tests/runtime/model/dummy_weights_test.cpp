// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/dummy_weights.hpp"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "io/checkpoint/convert.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::WithinAbs;

namespace {

constexpr std::int64_t rows = 300;
constexpr std::int64_t cols = 517;

/// What a demand of some rows and columns of a tensor [rows, cols] gets, and how often each.
struct Filled {
  io::RowRange row_range;
  io::ColumnRange column_range;
  std::int64_t width = 0;
  std::vector<float> values = std::vector<float>(rows * cols);  // at the tensor's own places
  std::vector<int> times = std::vector<int>(rows);

  void take(io::TensorPiece const& piece) {
    REQUIRE(piece.dtype == DType::bf16);
    width = piece.cols;
    std::vector<float> part(static_cast<std::size_t>(piece.rows * piece.cols));
    io::convert_to_float(piece, {part.data(), piece.rows, piece.cols, piece.cols});
    for (std::int64_t i = 0; i < piece.rows; ++i) {
      std::int64_t const row = piece.first_row + i;
      ++times[static_cast<std::size_t>(row)];
      std::memcpy(values.data() + row * cols + column_range.first,
                  part.data() + i * piece.cols,
                  static_cast<std::size_t>(piece.cols) * sizeof(float));
    }
  }
};

Filled fill(std::string const& name,
            io::RowRange row_range = {},
            io::ColumnRange column_range = {},
            DummyRule const& rule = {}) {
  Filled filled;
  filled.row_range = row_range;
  filled.column_range = column_range;
  io::TensorDemand demand;
  demand.name = name;
  demand.rows = row_range;
  demand.columns = column_range;
  demand.expected = io::ExpectedShape{rows, cols};
  demand.sink = [&](io::TensorPiece const& piece) { filled.take(piece); };
  fill_with_dummies({&demand, 1}, rule);
  return filled;
}

}  // namespace

TEST_CASE("a made-up element depends on its tensor, row and column only") {
  Filled const whole = fill("model.layers.0.mlp.up_proj.weight");
  Filled const part = fill("model.layers.0.mlp.up_proj.weight", {41, 250}, {13, 500});
  REQUIRE(part.width == 487);
  for (std::int64_t row = 0; row < rows; ++row) {
    auto const r = static_cast<std::size_t>(row);
    REQUIRE(whole.times[r] == 1);
    REQUIRE(part.times[r] == (row >= 41 && row < 250 ? 1 : 0));
    for (std::int64_t col = 13; part.times[r] == 1 && col < 500; ++col) {
      auto const at = static_cast<std::size_t>(row * cols + col);
      REQUIRE(part.values[at] == whole.values[at]);
    }
  }
}

TEST_CASE("made-up elements are spread evenly around zero, with a standard deviation of 0.02") {
  Filled const whole = fill("lm_head.weight");
  double sum = 0.0;
  double squares = 0.0;
  for (float const value : whole.values) {
    REQUIRE(std::fabs(value) <= 0.035F);
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  auto const count = static_cast<double>(whole.values.size());
  CHECK_THAT(sum / count, WithinAbs(0.0, 4.0 * 0.02 / std::sqrt(count)));
  CHECK_THAT(std::sqrt(squares / count), WithinAbs(0.02, 2e-4));
}

TEST_CASE("tensors and rows don't repeat each other") {
  Filled const one = fill("model.layers.0.mlp.up_proj.weight");
  Filled const other = fill("model.layers.1.mlp.up_proj.weight");
  int same = 0;
  int same_row = 0;
  for (std::size_t i = 0; i < one.values.size(); ++i) {
    same += one.values[i] == other.values[i] ? 1 : 0;
    same_row += i >= cols && one.values[i] == one.values[i - cols] ? 1 : 0;
  }
  // Of some thousand values each, so by chance some hundreds agree.
  CHECK(same < 2000);
  CHECK(same_row < 2000);
}

TEST_CASE("norms hold a constant") {
  Filled const plain = fill("model.norm.weight");
  Filled const offset = fill("model.norm.weight", {}, {}, {.norm = 0.0F});
  CHECK(plain.values == std::vector<float>(rows * cols, 1.0F));
  CHECK(offset.values == std::vector<float>(rows * cols, 0.0F));
}
