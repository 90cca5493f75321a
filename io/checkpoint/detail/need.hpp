// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "parallel/communicator.hpp"

namespace talus::io::detail {

/// Rows [first_row, last_row) and columns [first_col, last_col) of a tensor seen as a matrix.
struct Rect {
  std::int64_t first_row = 0;
  std::int64_t last_row = 0;
  std::int64_t first_col = 0;
  std::int64_t last_col = 0;

  [[nodiscard]] std::int64_t rows() const noexcept { return last_row - first_row; }

  [[nodiscard]] std::int64_t cols() const noexcept { return last_col - first_col; }

  [[nodiscard]] bool is_empty() const noexcept { return rows() <= 0 || cols() <= 0; }

  [[nodiscard]] std::int64_t num_elements() const noexcept { return rows() * cols(); }

  [[nodiscard]] bool contains(Rect const& other) const noexcept {
    return first_row <= other.first_row && other.last_row <= last_row &&
           first_col <= other.first_col && other.last_col <= last_col;
  }

  /// The part of this that lies in rows [first, last).
  [[nodiscard]] Rect clipped(std::int64_t first, std::int64_t last) const noexcept {
    return {std::max(first, first_row), std::min(last, last_row), first_col, last_col};
  }

  friend auto operator<=>(Rect const&, Rect const&) = default;
};

/// The whole of a tensor.
[[nodiscard]] inline Rect whole_of(TensorInfo const& tensor) noexcept {
  return {0, tensor.rows(), 0, tensor.columns()};
}

/// A part of a tensor that some rank needs.
struct Need {
  std::int32_t tensor = 0;  ///< index into Checkpoint::tensors()
  Rect rect;                ///< not empty

  friend auto operator<=>(Need const&, Need const&) = default;
};

/// Ranks that need exactly the same: replicas of one another.
struct RankClass {
  std::vector<int> ranks;   ///< ascending
  std::vector<Need> needs;  ///< ascending, each once
};

/// Tells all ranks what all ranks need.
///
/// Collective over `comm`, whose ranks have opened the same checkpoint.
/// \param mine  ascending, each once
/// \return the classes in the order of their lowest ranks, the same on all ranks
/// Cost: an all-gather of a hash of 32 bytes a rank, and one of what each class needs, from its
/// first rank: about three bytes for each whole tensor.
[[nodiscard]] std::vector<RankClass> exchange_needs(parallel::Communicator const& comm,
                                                    Checkpoint const& checkpoint,
                                                    std::span<Need const> mine);

}  // namespace talus::io::detail
