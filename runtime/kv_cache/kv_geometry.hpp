// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace talus::runtime {

/// Which blocks the tokens of a sequence need: a table of blocks for each KV group, where a group
/// with a window needs only the blocks that its next queries see.
///
/// A query at position p of a group with window w sees the keys at p - w + 1 to p.
class KvGeometry {
 public:
  KvGeometry() = default;

  /// \param windows  [groups] keys that a query sees; 0: all
  /// \pre block_tokens > 0, at least one group, no window is negative
  KvGeometry(std::vector<std::int32_t> windows, std::int32_t block_tokens);

  /// \return  [groups]
  [[nodiscard]] std::vector<std::int32_t> const& windows() const noexcept { return windows_; }

  [[nodiscard]] std::int32_t num_groups() const noexcept {
    return static_cast<std::int32_t>(windows_.size());
  }

  [[nodiscard]] std::int32_t block_tokens() const noexcept { return block_tokens_; }

  [[nodiscard]] bool has_windows() const noexcept { return has_windows_; }

  /// Whether a group sees a window of the keys only.
  [[nodiscard]] bool is_windowed(std::int32_t group) const noexcept {
    return windows_[static_cast<std::size_t>(group)] > 0;
  }

  /// Blocks that hold positions [0, tokens) of one group.
  [[nodiscard]] std::int32_t blocks_for(std::int32_t tokens) const noexcept {
    return (tokens + block_tokens_ - 1) / block_tokens_;
  }

  /// The first block that a group's query at `position`, or a later one, sees.
  [[nodiscard]] std::int32_t first_block(std::int32_t group, std::int32_t position) const noexcept {
    std::int32_t const window = windows_[static_cast<std::size_t>(group)];
    return window == 0 || position < window ? 0 : (position - window + 1) / block_tokens_;
  }

  /// The first position after `position` at which a group's first block is another one.
  [[nodiscard]] std::int32_t next_release(std::int32_t position) const noexcept;

  /// The most blocks, over all groups, that a sequence of `tokens` tokens holds at a time while it
  /// is computed in chunks of up to `chunk` tokens: a chunk needs its own blocks and those of the
  /// window - 1 tokens before it.
  [[nodiscard]] std::int64_t most_blocks(std::int32_t tokens, std::int32_t chunk) const noexcept;

  /// The longest sequence that `num_blocks` blocks can hold; tokens, `most` at most.
  [[nodiscard]] std::int32_t longest(std::int64_t num_blocks,
                                     std::int32_t chunk,
                                     std::int32_t most) const noexcept;

 private:
  std::vector<std::int32_t> windows_ = {0};
  std::int32_t block_tokens_ = 1;
  bool has_windows_ = false;
};

}  // namespace talus::runtime
