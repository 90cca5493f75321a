// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/token_results.hpp"

#include <algorithm>
#include <bit>

namespace talus::runtime {

void TokenResults::resize(std::int64_t rows, std::int32_t max_top) {
  rows_ = rows;
  max_top_ = std::max(max_top, 0);
  words_.resize(static_cast<std::size_t>(rows * words_per_row()));
}

float TokenResults::logprob(std::int64_t row) const noexcept {
  return std::bit_cast<float>(word(row, 2));
}

RankedToken TokenResults::top(std::int64_t row, std::int32_t i) const noexcept {
  return {word(row, 3 + 2 * i), std::bit_cast<float>(word(row, 4 + 2 * i))};
}

void TokenResults::set(std::int64_t row, RankedToken token, std::int32_t rank) noexcept {
  std::int32_t* const words = words_.data() + row * words_per_row();
  words[0] = token.token;
  words[1] = rank;
  words[2] = std::bit_cast<std::int32_t>(token.logprob);
}

void TokenResults::set_top(std::int64_t row, std::int32_t i, RankedToken token) noexcept {
  std::int32_t* const words = words_.data() + row * words_per_row() + 3 + 2 * i;
  words[0] = token.token;
  words[1] = std::bit_cast<std::int32_t>(token.logprob);
}

}  // namespace talus::runtime
