// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/code_matrix.hpp"
#include "kernels/block/tile_stage.hpp"
#include "kernels/operations.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// Inputs of a matrix; `first` is a multiple of quant_chunk.
struct InputRange {
  std::int32_t first = 0;
  std::int32_t last = 0;
};

/// The parts that a sum over inputs of fp8 is cut into: neighbours that share a scale, which their
/// sum is multiplied with, 128 of them at most.
///
/// Counted from where their group begins, or, where a row has one scale, from where the sum does:
/// so that they are the same whatever part of the matrix a rank has.
class FloatCodeParts {
 public:
  static constexpr std::int32_t most_chunks = 4;

  constexpr FloatCodeParts(CodeLayout const& layout, InputRange inputs)
      : inputs_{inputs},
        first_chunk_{inputs.first / chunk},
        group_chunks_{layout.group_chunks},
        group_parts_{(layout.group_chunks - 1) / most_chunks + 1},
        skipped_{layout.has_one_group() ? 0 : (first_chunk_ + layout.phase) % layout.group_chunks} {
  }

  /// One, without inputs, even of none.
  [[nodiscard]] constexpr std::int32_t size() const {
    if (inputs_.first >= inputs_.last) {
      return 1;
    }
    std::int32_t const last = skipped_ + (inputs_.last - 1) / chunk - first_chunk_;
    return last / group_chunks_ * group_parts_ + last % group_chunks_ / most_chunks -
           skipped_ / most_chunks + 1;
  }

  [[nodiscard]] constexpr TilePart part(std::int32_t number) const {
    if (inputs_.first >= inputs_.last) {
      return {first_chunk_ * chunk, 0, 0, 1};
    }
    std::int32_t const counted = skipped_ / most_chunks + number;
    std::int32_t const begin =
        counted / group_parts_ * group_chunks_ + counted % group_parts_ * most_chunks;
    std::int32_t const group_end = (counted / group_parts_ + 1) * group_chunks_;
    std::int32_t const end = begin + most_chunks < group_end ? begin + most_chunks : group_end;
    std::int32_t const from = begin > skipped_ ? begin - skipped_ : 0;
    std::int32_t const first = (first_chunk_ + from) * chunk;
    std::int32_t const limit = (first_chunk_ + end - skipped_) * chunk;
    std::int32_t const last = limit < inputs_.last ? limit : inputs_.last;
    return {first,
            static_cast<std::int16_t>(last - first),
            static_cast<std::int8_t>(number > 0 ? 1 : 0),
            static_cast<std::int8_t>(last == inputs_.last ? 1 : 0)};
  }

 private:
  static constexpr auto chunk = static_cast<std::int32_t>(quant_chunk);

  InputRange inputs_;
  std::int32_t first_chunk_;
  std::int32_t group_chunks_;
  std::int32_t group_parts_;
  std::int32_t skipped_;  ///< chunks of the first group that are before the sum
};

/// The parts of a sum over leaves: each leaf's, one after another, and then the tree's folds.
[[nodiscard]] inline std::vector<TilePart> parts_of_leaves(LeafSums const& sums,
                                                           CodeLayout const& layout) {
  LeafPartition const& partition = sums.partition;
  std::vector<TilePart> parts;
  for (LeafRange const& node : sums.nodes) {
    for (std::int32_t leaf = node.first; leaf < node.last; ++leaf) {
      auto const i = static_cast<std::size_t>(leaf - partition.run.first);
      FloatCodeParts const own{layout, {partition.boundaries[i], partition.boundaries[i + 1]}};
      for (std::int32_t number = 0; number < own.size(); ++number) {
        parts.push_back(own.part(number));
        parts.back().is_last = 0;
      }
      std::int32_t const folds = partition.tree->folds_after({leaf, leaf + 1}, node.first);
      parts.back().folds = static_cast<std::int8_t>(parts.back().folds + folds);
    }
    parts.back().is_last = 1;
  }
  return parts;
}

/// Where a part's codes and its scales are in a panel.
struct FloatCodePlace {
  std::int32_t codes = 0;   ///< in 16 bytes
  std::int32_t header = 0;  ///< in 4 bytes

  FloatCodePlace() = default;

  constexpr FloatCodePlace(CodeLayout const& layout, TilePart const& part) {
    std::int32_t const chunk = part.first / static_cast<std::int32_t>(quant_chunk);
    codes = static_cast<std::int32_t>(layout.codes_at(chunk) / CodeLayout::piece);
    header = static_cast<std::int32_t>(layout.header_at(layout.group_of(chunk)) / 4);
  }
};

/// How sums over inputs of fp8 are summed: all inputs of each job, or over leaves.
struct FloatCodeSums {
  GlobalSpan<TilePart const> parts;  ///< empty: all inputs, one part after another
  /// What sums over leaves are stored to, one after another; empty: the job's y.
  GlobalSpan<MatrixView<float> const> nodes;
  std::int64_t most_parts = 1;  ///< of any job

  /// Lists a job's parts in shared memory.
  ///
  /// \return how many there are
  template <class Block>
  TALUS_DEVICE std::int32_t list(Block& block,
                                 CodeLayout const& layout,
                                 std::int64_t inputs,
                                 SharedSpan<TilePart> own,
                                 SharedSpan<FloatCodePlace> places) const {
    FloatCodeParts const all{layout, {0, static_cast<std::int32_t>(inputs)}};
    std::int32_t const size = parts.size > 0 ? static_cast<std::int32_t>(parts.size) : all.size();
    for (std::int32_t i = block.thread_index(); i < size; i += block.num_threads()) {
      TilePart const part = parts.size > 0 ? block.load(parts, i) : all.part(i);
      block.store(own, i, part);
      block.store(places, i, FloatCodePlace{layout, part});
    }
    block.sync();
    return size;
  }

  [[nodiscard]] std::int64_t shared_bytes() const {
    return shared_bytes_of<TilePart>(most_parts) + shared_bytes_of<FloatCodePlace>(most_parts);
  }
};

}  // namespace talus::kernels::block
