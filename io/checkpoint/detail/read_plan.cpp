// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/read_plan.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace talus::io::detail {
namespace {

// Who needs what of one tensor.
struct ClassNeed {
  std::int32_t rank_class = 0;
  Rect rect;
};

// [tensors]; the needs of a class stand together.
using NeedsByTensor = std::vector<std::vector<ClassNeed>>;

NeedsByTensor by_tensor(Checkpoint const& checkpoint, std::span<RankClass const> classes) {
  NeedsByTensor needs(checkpoint.tensors().size());
  for (std::size_t c = 0; c < classes.size(); ++c) {
    for (Need const& need : classes[c].needs) {
      needs[static_cast<std::size_t>(need.tensor)].push_back(
          {static_cast<std::int32_t>(c), need.rect});
    }
  }
  return needs;
}

std::int64_t element_bytes(TensorInfo const& tensor) {
  return size_of(*tensor.dtype);
}

// Adds rows that lie in the file at `offset`: to the last unit if they follow it and fit.
void append_rows(std::vector<Unit>& units,
                 TensorInfo const& tensor,
                 UnitPart part,
                 std::int64_t unit_bytes) {
  auto const row_bytes = tensor.columns() * element_bytes(tensor);
  auto const offset = tensor.offset + part.first_row * row_bytes;
  auto const bytes = (part.last_row - part.first_row) * row_bytes;
  bool const fits = !units.empty() && units.back().file == tensor.file &&
                    units.back().offset + units.back().bytes == offset &&
                    units.back().bytes + bytes <= unit_bytes;
  if (!fits) {
    units.push_back({tensor.file, offset, 0, {}});
  }
  Unit& unit = units.back();
  part.offset = unit.bytes;
  unit.bytes += bytes;
  unit.parts.push_back(part);
}

// One part's blocks of a class become their bounding box where that is no longer: so a message is
// never longer than the unit, even if a rank demands the same several times.
void merge_blocks(std::vector<Block>& blocks) {
  if (blocks.size() < 2) {
    return;
  }
  Block box = blocks.front();
  std::int64_t sum = 0;
  for (auto const& [part, rect] : blocks) {
    box.rect = {std::min(box.rect.first_row, rect.first_row),
                std::max(box.rect.last_row, rect.last_row),
                std::min(box.rect.first_col, rect.first_col),
                std::max(box.rect.last_col, rect.last_col)};
    sum += rect.num_elements();
  }
  if (sum >= box.rect.num_elements()) {
    blocks = {box};
  }
}

// What each class needs of a unit.
std::map<std::int32_t, std::vector<Block>> blocks_by_class(Unit const& unit,
                                                           NeedsByTensor const& needs) {
  std::map<std::int32_t, std::vector<Block>> blocks;
  for (std::size_t p = 0; p < unit.parts.size(); ++p) {
    UnitPart const& part = unit.parts[p];
    auto const& of_tensor = needs[static_cast<std::size_t>(part.tensor)];
    for (std::size_t i = 0; i < of_tensor.size();) {
      auto const rank_class = of_tensor[i].rank_class;
      std::vector<Block> found;
      for (; i < of_tensor.size() && of_tensor[i].rank_class == rank_class; ++i) {
        Rect const rect = of_tensor[i].rect.clipped(part.first_row, part.last_row);
        if (!rect.is_empty()) {
          found.push_back({static_cast<std::int32_t>(p), rect});
        }
      }
      merge_blocks(found);
      if (!found.empty()) {
        auto& all = blocks[rank_class];
        all.insert(all.end(), found.begin(), found.end());
      }
    }
  }
  return blocks;
}

// Classes that need the same of this unit become one group, though they differ elsewhere.
std::vector<Group> groups_of(Unit const& unit,
                             Checkpoint const& checkpoint,
                             std::span<RankClass const> classes,
                             NeedsByTensor const& needs) {
  std::map<std::vector<Block>, std::vector<int>> ranks_by_blocks;
  for (auto& [rank_class, blocks] : blocks_by_class(unit, needs)) {
    auto const& ranks = classes[static_cast<std::size_t>(rank_class)].ranks;
    auto& together = ranks_by_blocks[std::move(blocks)];
    together.insert(together.end(), ranks.begin(), ranks.end());
  }
  std::vector<Group> groups;
  for (auto& [blocks, ranks] : ranks_by_blocks) {
    std::ranges::sort(ranks);
    std::int64_t bytes = 0;
    for (Block const& block : blocks) {
      auto const tensor = unit.parts[static_cast<std::size_t>(block.part)].tensor;
      bytes += block.rect.num_elements() *
               element_bytes(checkpoint.tensors()[static_cast<std::size_t>(tensor)]);
    }
    groups.push_back({blocks, std::move(ranks), bytes});
  }
  return groups;
}

// Shares the reading out: remembers how much each rank reads.
class ReaderChooser {
 public:
  explicit ReaderChooser(std::span<int const> positions)
      : positions_{positions}, load_(positions.size()), everyone_(positions.size()) {
    std::iota(everyone_.begin(), everyone_.end(), 0);
  }

  int choose(std::span<Group const> groups, std::int64_t bytes) {
    int best = -1;
    for (Group const& group : groups) {
      best = better_of(best, group.ranks);
    }
    if (groups.empty()) {
      best = better_of(best, everyone_);
    }
    load_[static_cast<std::size_t>(best)] += bytes;
    return best;
  }

 private:
  std::pair<std::int64_t, int> cost_of(int rank) const {
    auto const i = static_cast<std::size_t>(rank);
    return {load_[i], positions_[i]};
  }

  int better_of(int best, std::span<int const> ranks) const {
    for (int const rank : ranks) {
      if (best < 0 || cost_of(rank) < cost_of(best)) {
        best = rank;
      }
    }
    return best;
  }

  std::span<int const> positions_;
  std::vector<std::int64_t> load_;
  std::vector<int> everyone_;
};

}  // namespace

std::vector<Unit> cut_units(Checkpoint const& checkpoint,
                            std::span<RankClass const> classes,
                            std::int64_t unit_bytes) {
  auto const needs = by_tensor(checkpoint, classes);
  std::vector<Unit> units;
  for (std::size_t t = 0; t < needs.size(); ++t) {
    TensorInfo const& tensor = checkpoint.tensors()[t];
    if (needs[t].empty()) {
      continue;
    }
    auto const row_bytes = tensor.columns() * element_bytes(tensor);
    auto const step = std::max<std::int64_t>(1, unit_bytes / row_bytes);
    for (std::int64_t row = 0; row < tensor.rows(); row += step) {
      auto const last = std::min(row + step, tensor.rows());
      append_rows(units, tensor, {static_cast<std::int32_t>(t), row, last, 0}, unit_bytes);
    }
  }
  return units;
}

ReadPlan make_read_plan(Checkpoint const& checkpoint,
                        std::span<RankClass const> classes,
                        PlanOptions const& options) {
  auto const needs = by_tensor(checkpoint, classes);
  ReaderChooser readers{options.positions};
  ReadPlan plan;
  std::int32_t id = 0;
  for (Unit& unit : cut_units(checkpoint, classes, options.unit_bytes)) {
    auto groups = groups_of(unit, checkpoint, classes, needs);
    int const reader = readers.choose(groups, unit.bytes);
    plan.bytes_demanded += unit.bytes;
    if (reader != options.rank) {
      std::erase_if(groups, [&](Group const& group) {
        return !std::ranges::binary_search(group.ranks, options.rank);
      });
    }
    if (reader == options.rank || !groups.empty()) {
      plan.tasks.push_back({std::move(unit), id, reader, std::move(groups)});
    }
    ++id;
  }
  return plan;
}

TreePlace place_in_tree(std::span<int const> ranks, int root, int rank) {
  std::vector<int> order{root};  // by place in the tree
  auto const behind = std::ranges::upper_bound(ranks, root);
  order.insert(order.end(), behind, ranks.end());
  order.insert(order.end(), ranks.begin(), std::ranges::lower_bound(ranks, root));

  auto const place = static_cast<std::size_t>(std::ranges::find(order, rank) - order.begin());
  TreePlace found;
  // The parent of a place clears its lowest bit; its children set one bit below that one.
  std::size_t const lowest = place & (~place + 1);
  if (place != 0) {
    found.parent = order[place - lowest];
  }
  std::size_t bit = 1;
  while (place == 0 ? bit < order.size() : bit < lowest) {
    bit <<= 1U;
  }
  for (bit >>= 1U; bit != 0; bit >>= 1U) {
    if (place + bit < order.size()) {
      found.children.push_back(order[place + bit]);
    }
  }
  return found;
}

}  // namespace talus::io::detail
