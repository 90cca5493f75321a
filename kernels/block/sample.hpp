// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/logit_keys.hpp"
#include "kernels/block/row_search.hpp"
#include "kernels/block/share_units.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::block {

/// Draws a token from each row.
///
/// Grid: rows. Block: 512 threads search the row. Shared memory: RowSearch's.
struct Sample {
  static constexpr char const* name = "talus::kernels::sample";

  SummarizedLogits rows;
  GlobalSpan<SampleRule const> rules;
  float one = 1.0F;  ///< share's, in units
  GlobalSpan<std::int32_t> tokens;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const row = block.block_index().x;
    SampleRule const rule = block.load(rules, row);
    RowSearch<Block> search{block, {rows, row}};
    float const greatest = search.greatest();
    bool const is_finite = greatest - greatest == 0.0F;
    std::uint32_t const key = key_of(greatest);
    std::int32_t const token = rule.temperature == 0.0F || !is_finite
                                   ? search.find_token({key, key}, 1)
                                   : draw(search, rule);
    if (block.thread_index() == 0) {
      block.store(tokens, row, token);
    }
  }

 private:
  /// Blocks of logits that most searches end among.
  static constexpr std::int64_t first_blocks = 64;

  /// What each search ends with is all that the next one may have: top_k, top_p, and the token. In
  /// a loop, so that the search is compiled once.
  template <class Search>
  [[nodiscard]] TALUS_DEVICE std::int32_t draw(Search& search, SampleRule const& rule) const {
    enum Step { top_k, top_p, token, num_steps };

    bool const has_top_k = rule.top_k > 0 && rule.top_k < rows.logits.cols;
    bool const reads_all = !has_top_k && rule.min_p > 0.0F;
    ShareUnits const share{search.greatest(), rule.temperature, one};
    std::int64_t const few = has_top_k ? rule.top_k : first_blocks;
    search.begin(share, least_drawn(share, rule.min_p), reads_all ? rows.maxima.cols : few);
    Prefix kept;
    if (!has_top_k) {
      kept.units = reads_all ? search.seen_units() : search.sum_of_blocks();
    }
    for (int step = has_top_k ? top_k : top_p; step < num_steps; ++step) {
      if (step == top_p && rule.top_p >= 1.0F) {
        continue;
      }
      auto const units = static_cast<double>(kept.units);
      Goal goal;
      goal.count = step == top_k ? rule.top_k : goal.count;
      goal.at_least = step == top_p ? double{rule.top_p} * units : goal.at_least;
      goal.above = step == token ? double{rule.uniform} * units : goal.above;
      Prefix const found = search.first_to(goal);
      // Sums of blocks are rounded otherwise than those of tokens: it may be behind the last one.
      kept = found.ends_before(kept) ? found : kept;
    }
    return kept.token;
  }

  /// The least key that can be drawn.
  [[nodiscard]] static TALUS_DEVICE std::uint32_t least_drawn(ShareUnits const& share,
                                                              float min_p) {
    constexpr float reach = 88.0F;  // exp(-reach) is no normal number any more
    constexpr float lowest = std::numeric_limits<float>::lowest();
    KeyRange const keys{key_of(maximum(share.greatest - reach * share.temperature, lowest)),
                        key_of(share.greatest)};
    return first_key(keys, [&](std::uint32_t key) { return share.share(logit_of(key)) >= min_p; });
  }
};

template <class Device>
void sample(Device& device,
            SummarizedLogits const& rows,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens) {
  if (rules.empty()) {
    return;
  }
  GlobalSpan<std::int32_t> const drawn{tokens.data(), std::ssize(tokens)};
  Sample const kernel{rows, device.upload(rules), units_of_one(rows.logits.cols), drawn};
  using Search = RowSearch<int>;  // of any block
  device.launch({{rows.logits.rows}, Search::threads, Search::shared_bytes()}, kernel);
}

}  // namespace talus::kernels::block
