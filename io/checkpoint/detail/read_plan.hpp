// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint/detail/need.hpp"

namespace talus::io::detail {

/// Whole rows of one tensor, within a unit.
struct UnitPart {
  std::int32_t tensor = 0;
  std::int64_t first_row = 0;
  std::int64_t last_row = 0;
  std::int64_t offset = 0;  ///< of the first byte, from the start of the unit
};

/// What one read takes from a file: rows of a tensor, or several small tensors that lie together.
struct Unit {
  std::int32_t file = 0;
  std::int64_t offset = 0;  ///< in the file
  std::int64_t bytes = 0;
  std::vector<UnitPart> parts;
};

/// A rectangle of a unit's part, as it goes into a message.
struct Block {
  std::int32_t part = 0;  ///< index into Unit::parts
  Rect rect;

  friend auto operator<=>(Block const&, Block const&) = default;
};

/// Ranks that need the same of a unit, and what they need: one message, its blocks one behind the
/// other, each packed row by row.
struct Group {
  std::vector<Block> blocks;
  std::vector<int> ranks;  ///< ascending
  std::int64_t bytes = 0;  ///< of the message; never more than the unit's
};

/// A unit in which this rank takes part.
struct Task {
  Unit unit;
  std::int32_t id = 0;  ///< the same on all ranks
  int reader = 0;
  std::vector<Group> groups;  ///< all groups if this rank is the reader, else the one it is in
};

/// How the job reads: the same on all ranks, but for the tasks.
struct ReadPlan {
  std::vector<Task> tasks;  ///< those of this rank, by id
  std::int64_t bytes_demanded = 0;
};

/// What the plan depends on besides the needs.
struct PlanOptions {
  std::int64_t unit_bytes = 0;  ///< a unit is longer only if a row is
  int rank = 0;                 ///< this rank
  std::span<int const>
      positions;  ///< [ranks] order in which ranks of equal load are taken as readers
};

/// Cuts all tensors that somebody needs into units, in the order of file and offset.
[[nodiscard]] std::vector<Unit> cut_units(Checkpoint const& checkpoint,
                                          std::span<RankClass const> classes,
                                          std::int64_t unit_bytes);

/// Gives each unit to the rank that has the least to read so far, among those that need a part of
/// it.
[[nodiscard]] ReadPlan make_read_plan(Checkpoint const& checkpoint,
                                      std::span<RankClass const> classes,
                                      PlanOptions const& options);

/// A rank's neighbours in the binomial tree that a group's message goes along.
struct TreePlace {
  int parent = -1;            ///< -1 at the root
  std::vector<int> children;  ///< the one with the largest subtree first
};

/// The tree has `root` on top, and the ranks behind it in cyclic order, so that neighbours in rank,
/// which mostly share a node, are in the same subtree.
///
/// \param ranks  ascending; `root` may be among them or not
/// \param rank   `root` or one of `ranks`
[[nodiscard]] TreePlace place_in_tree(std::span<int const> ranks, int root, int rank);

}  // namespace talus::io::detail
