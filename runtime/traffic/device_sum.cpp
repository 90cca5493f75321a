// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_sum.hpp"

#include <algorithm>
#include <utility>

#include "kernels/fold_partials.hpp"
#include "kernels/transfer.hpp"
#include "runtime/base/assert.hpp"

namespace talus::runtime {
namespace {

std::int64_t bytes_of(std::size_t elements) {
  return static_cast<std::int64_t>(elements * sizeof(float));
}

/// The nodes of all ranks, in order.
std::vector<LeafRange> all_nodes(SumTree const& tree, int ranks) {
  std::vector<LeafRange> all;
  for (int rank = 0; rank < ranks; ++rank) {
    std::vector<LeafRange> const nodes = tree.nodes_of(tree.run_of(rank, ranks));
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  return all;
}

}  // namespace

DeviceSum::DeviceSum(kernels::ExecContext const& exec,
                     kernels::DeviceGroup& devices,
                     parallel::SumLayout layout,
                     SumTree const& tree,
                     std::size_t max_elements,
                     double round_bytes)
    : exec_{exec},
      devices_{&devices},
      layout_{std::move(layout)},
      order_{kernels::fold_order(tree, all_nodes(tree, layout_.ranks))},
      longest_whole_{layout_.longest_whole(round_bytes)},
      partials_{exec, num_partials(), max_elements},
      arrived_{exec,
               static_cast<std::size_t>(order_.num_partials),
               std::max(std::min(max_elements, longest_whole_), layout_.max_slice(max_elements))} {
  auto const peers = static_cast<std::size_t>(layout_.ranks);
  sends_.reserve(peers * std::max<std::size_t>(num_partials(), 1));
  receives_.reserve(std::max(peers, static_cast<std::size_t>(order_.num_partials)));
}

std::size_t DeviceSum::num_partials() const noexcept {
  return layout_.my_nodes.size();
}

std::span<float> DeviceSum::partial(std::size_t node) noexcept {
  return partials_.row(node);
}

kernels::PeerSumPlace DeviceSum::place() const {
  auto const own = static_cast<std::size_t>(layout_.rank);
  return {.order = order_,
          .rank = layout_.rank,
          .num_ranks = layout_.ranks,
          .first_partial = static_cast<std::int32_t>(layout_.first_node[own]),
          .max_elements = std::min(static_cast<std::int64_t>(partials_.max_elements()),
                                   kernels::max_peer_elements)};
}

parallel::SumArrival DeviceSum::sum(std::span<float> result) {
  TALUS_EXPECT(result.size() <= partials_.max_elements());
  if (result.empty()) {
    return {};
  }
  bool const everywhere = folds_everywhere(result.size());
  Slice const mine = everywhere ? Slice{0, result.size()} : layout_.my_slice(result.size());
  exchange_partials(result.size(), mine, everywhere);
  if (mine.size > 0) {
    kernels::fold_partials(
        exec_, order_, arrived_.first(mine.size), result.subspan(mine.first, mine.size));
  }
  if (!everywhere) {
    gather_slices(result);
  }
  return {};
}

/// Each rank's slice of all partial sums goes there.
void DeviceSum::exchange_partials(std::size_t num_elements, Slice mine, bool everywhere) {
  sends_.clear();
  receives_.clear();
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    if (rank == layout_.rank) {
      continue;
    }
    Slice const theirs = everywhere ? mine : layout_.slice_of(rank, num_elements);
    for (std::size_t node = 0; node < num_partials() && theirs.size > 0; ++node) {
      sends_.push_back({rank, partial(node).data() + theirs.first, bytes_of(theirs.size)});
    }
    std::size_t const first = layout_.first_node[static_cast<std::size_t>(rank)];
    for (std::size_t node = 0; node < layout_.num_nodes_of(rank) && mine.size > 0; ++node) {
      receives_.push_back({rank, arrived_.row(first + node).data(), bytes_of(mine.size)});
    }
  }
  std::size_t const own = layout_.first_node[static_cast<std::size_t>(layout_.rank)];
  for (std::size_t node = 0; node < num_partials(); ++node) {
    std::span<float const> const part = partial(node).subspan(mine.first, mine.size);
    kernels::copy(exec_, part, arrived_.row(own + node).data());
  }
  devices_->exchange(sends_, receives_);
}

void DeviceSum::gather_slices(std::span<float> result) {
  sends_.clear();
  receives_.clear();
  Slice const mine = layout_.my_slice(result.size());
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    Slice const theirs = layout_.slice_of(rank, result.size());
    if (rank != layout_.rank && mine.size > 0) {
      sends_.push_back({rank, result.data() + mine.first, bytes_of(mine.size)});
    }
    if (rank != layout_.rank && theirs.size > 0) {
      receives_.push_back({rank, result.data() + theirs.first, bytes_of(theirs.size)});
    }
  }
  devices_->exchange(sends_, receives_);
}

}  // namespace talus::runtime
