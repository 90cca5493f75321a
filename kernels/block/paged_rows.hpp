// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/kv_cache.hpp"

namespace talus::kernels::block {

/// Whether each sequence has one row in the step: row s is that of sequence s.
[[nodiscard]] inline bool is_decode(PagedBatch const& batch) {
  for (std::int64_t s = 0; s <= batch.num_sequences(); ++s) {
    if (batch.first_row[static_cast<std::size_t>(s)] != s) {
      return false;
    }
  }
  return true;
}

/// The sequences of a step, as kernels read them from the device's memory: what a kernel is given
/// of it stays the same from step to step, whatever the sequences' lengths.
struct PagedRows {
  GlobalSpan<std::int32_t const> first_row;     ///< [sequences + 1]
  GlobalSpan<std::int32_t const> context;       ///< [sequences]
  GlobalSpan<std::int32_t const> block_tables;  ///< [sequences, max_blocks]
  std::int64_t max_blocks = 0;
  std::int64_t rows_are_sequences = 0;  ///< 1: as is_decode() says

  [[nodiscard]] TALUS_DEVICE std::int64_t num_sequences() const { return context.size; }

  /// The sequence that row t is of.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t sequence_of(Block& block, std::int64_t t) const {
    if (rows_are_sequences != 0) {
      return t;
    }
    return last_sequence([&](std::int64_t s) { return block.load(first_row, s) <= t; });
  }

  /// The last sequence for which condition(sequence) holds, which it does for the first one, and
  /// for all before one for which it does.
  template <class Condition>
  [[nodiscard]] TALUS_DEVICE std::int64_t last_sequence(Condition const& condition) const {
    std::int64_t found = 0;
    std::int64_t end = num_sequences();
    while (end - found > 1) {
      std::int64_t const middle = found + (end - found) / 2;
      (condition(middle) ? found : end) = middle;
    }
    return found;
  }

  /// The number of the block that has a position of a sequence.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t block_of(Block& block,
                                                   std::int64_t sequence,
                                                   std::int64_t position,
                                                   std::int64_t block_tokens) const {
    return block.load(block_tables, sequence * max_blocks + position / block_tokens);
  }
};

template <class Device>
[[nodiscard]] PagedRows rows_of(Device& device, PagedBatch const& batch) {
  return {device.upload(batch.first_row),
          device.upload(batch.context),
          device.upload(batch.block_tables),
          batch.max_blocks,
          is_decode(batch) ? 1 : 0};
}

}  // namespace talus::kernels::block
