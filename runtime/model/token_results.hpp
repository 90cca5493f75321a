// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace talus::runtime {

/// A token and its log-probability.
struct RankedToken {
  std::int32_t token = 0;
  float logprob = 0.0F;
};

/// The answers to a step's logit rows, as one array of 32-bit words, the same on all ranks.
///
/// A row has a fixed number of words, decided by the most tokens that any row of the step asks for,
/// so that ranks know the size before they know the content.
class TokenResults {
 public:
  /// Makes room; keeps memory.
  void resize(std::int64_t rows, std::int32_t max_top);

  [[nodiscard]] std::span<std::int32_t> words() noexcept { return words_; }

  [[nodiscard]] std::int64_t words_per_row() const noexcept {
    return 3 + 2 * std::int64_t{max_top_};
  }

  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }

  /// The token drawn, or the target.
  [[nodiscard]] std::int32_t token(std::int64_t row) const noexcept { return word(row, 0); }

  /// Its place among the vocabulary by probability, from 1.
  [[nodiscard]] std::int32_t rank(std::int64_t row) const noexcept { return word(row, 1); }

  [[nodiscard]] float logprob(std::int64_t row) const noexcept;
  /// Most probable token `i` of a row.
  [[nodiscard]] RankedToken top(std::int64_t row, std::int32_t i) const noexcept;

  void set(std::int64_t row, RankedToken token, std::int32_t rank) noexcept;
  void set_top(std::int64_t row, std::int32_t i, RankedToken token) noexcept;

 private:
  [[nodiscard]] std::int32_t word(std::int64_t row, std::int64_t at) const noexcept {
    return words_[static_cast<std::size_t>(row * words_per_row() + at)];
  }

  std::int64_t rows_ = 0;
  std::int32_t max_top_ = 0;
  std::vector<std::int32_t> words_;
};

}  // namespace talus::runtime
