// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer/detail/merge_word.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <tuple>

namespace talus::io::tokenizer {
namespace {

// Above, a queue is faster than looking at all pairs again after each merge.
constexpr std::size_t max_short = 48;

void merge_short(MergeTable const& table, std::vector<TokenId>& symbols) {
  std::array<Merge, max_short> merges;  // of symbols i and i + 1
  std::size_t num_symbols = symbols.size();
  for (std::size_t i = 0; i + 1 < num_symbols; ++i) {
    merges[i] = table.find(symbols[i], symbols[i + 1]);
  }
  while (num_symbols > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < num_symbols; ++i) {
      best = merges[i].rank < merges[best].rank ? i : best;
    }
    if (merges[best].rank == Merge::never) {
      break;
    }
    symbols[best] = merges[best].merged;
    for (std::size_t i = best + 1; i + 1 < num_symbols; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i - 1] = merges[i];
    }
    --num_symbols;
    if (best > 0) {
      merges[best - 1] = table.find(symbols[best - 1], symbols[best]);
    }
    if (best + 1 < num_symbols) {
      merges[best] = table.find(symbols[best], symbols[best + 1]);
    }
  }
  symbols.resize(num_symbols);
}

/// Symbols as a doubly linked list over their first positions, and a queue of their merges.
class LongWord {
 public:
  LongWord(MergeTable const& table, std::vector<TokenId>& symbols)
      : table_{&table}, symbols_{&symbols}, next_(symbols.size()), previous_(symbols.size()) {
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      next_[i] = i + 1;
      previous_[i] = i - 1;
    }
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      offer(i);
    }
  }

  void merge() {
    while (!queue_.empty()) {
      Candidate const candidate = queue_.top();
      queue_.pop();
      if (is_current(candidate)) {
        join(candidate.left, candidate.merged);
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < symbols_->size(); i = next_[i]) {
      (*symbols_)[kept++] = (*symbols_)[i];
    }
    symbols_->resize(kept);
  }

 private:
  struct Candidate {
    std::uint32_t rank;
    std::size_t left;
    TokenId left_id;
    TokenId right_id;
    TokenId merged;

    bool operator>(Candidate const& other) const noexcept {
      return std::tie(rank, left) > std::tie(other.rank, other.left);
    }
  };

  static constexpr TokenId gone = -1;

  void offer(std::size_t left) {
    TokenId const left_id = (*symbols_)[left];
    TokenId const right_id = (*symbols_)[next_[left]];
    Merge const merge = table_->find(left_id, right_id);
    if (merge.rank != Merge::never) {
      queue_.push({merge.rank, left, left_id, right_id, merge.merged});
    }
  }

  // One of the two may have been merged with another neighbour since.
  bool is_current(Candidate const& candidate) const noexcept {
    std::size_t const right = next_[candidate.left];
    return (*symbols_)[candidate.left] == candidate.left_id && right < symbols_->size() &&
           (*symbols_)[right] == candidate.right_id;
  }

  void join(std::size_t left, TokenId merged) {
    std::size_t const right = next_[left];
    (*symbols_)[left] = merged;
    (*symbols_)[right] = gone;
    next_[left] = next_[right];
    if (next_[left] < symbols_->size()) {
      previous_[next_[left]] = left;
      offer(left);
    }
    if (left > 0) {
      offer(previous_[left]);
    }
  }

  MergeTable const* table_;
  std::vector<TokenId>* symbols_;
  std::vector<std::size_t> next_;
  std::vector<std::size_t> previous_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue_;
};

}  // namespace

void merge_word(MergeTable const& merges, std::vector<TokenId>& symbols) {
  if (symbols.size() <= max_short) {
    merge_short(merges, symbols);
  } else {
    LongWord{merges, symbols}.merge();
  }
}

}  // namespace talus::io::tokenizer
