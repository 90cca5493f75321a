// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/peer_sum.hpp"

#include "parallel/fold_plan.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/device_threads.hpp"

// Each device is a thread of the test, which emulates its blocks one after another: so that devices
// do wait for each other, they take them in the same order.

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::int64_t max_elements = 3000;
constexpr std::int64_t stride = 3008;
constexpr int num_sums = 5;

/// Some devices with inboxes, and the partial sums of several sums.
class Node {
 public:
  Node(std::int32_t num_leaves, int num_ranks) : tree_{num_leaves}, num_ranks_{num_ranks} {
    for (int rank = 0; rank < num_ranks; ++rank) {
      first_.push_back(static_cast<std::int32_t>(nodes_.size()));
      auto const own = tree_.nodes_of(tree_.run_of(rank, num_ranks));
      nodes_.insert(nodes_.end(), own.begin(), own.end());
    }
    first_.push_back(static_cast<std::int32_t>(nodes_.size()));
    order_ = fold_order(tree_, nodes_);
    auto const values = static_cast<std::size_t>(2 * std::ssize(nodes_) * stride);
    auto const flags = static_cast<std::size_t>(peer_sum_blocks(max_elements) * max_peer_ranks);
    values_.assign(static_cast<std::size_t>(num_ranks), std::vector<float>(values, NAN));
    flags_.assign(static_cast<std::size_t>(num_ranks), std::vector<std::uint32_t>(flags));
    for (unsigned sum = 0; sum < num_sums; ++sum) {
      partials_.push_back(random_matrix(std::ssize(nodes_), sizes[sum], 31 * sum + 7));
    }
  }

  /// All sums of a rank, one after another.
  std::vector<std::vector<float>> run(int rank, emulation::Schedule schedule) {
    emulation::EmulatedDevice device{schedule};
    std::vector<std::vector<float>> sums;
    for (std::size_t number = 0; number < num_sums; ++number) {
      std::vector<float>& sum = sums.emplace_back(static_cast<std::size_t>(sizes[number]), NAN);
      std::int32_t const first = first_[static_cast<std::size_t>(rank)];
      std::int32_t const last = first_[static_cast<std::size_t>(rank) + 1];
      PeerSum kernel{
          .order = order_,
          .rank = rank,
          .num_ranks = num_ranks_,
          .first_partial = first,
          .stride = stride,
          .partials = by_quads(std::as_const(partials_[number]).part(first, last - first)),
          .sum = by_quads(MatrixView<float>{sum.data(), 1, sizes[number], sizes[number]})};
      for (std::size_t peer = 0; peer < values_.size(); ++peer) {
        kernel.inboxes[peer] = {{values_[peer].data(), std::ssize(values_[peer])},
                                {flags_[peer].data(), std::ssize(flags_[peer])}};
      }
      device.begin_operation(nullptr);
      peer_sum(device, kernel);
      device.end_operation();
    }
    return sums;
  }

  /// What a CPU run adds up.
  std::vector<float> wanted(std::size_t number) {
    parallel::FoldPlan plan{tree_, nodes_};
    Matrix const& partials = partials_[number];
    std::vector<float const*> inputs;
    for (std::int64_t row = 0; row < std::ssize(nodes_); ++row) {
      inputs.push_back(partials.view().data + row * partials.stride());
    }
    std::vector<float> sum(static_cast<std::size_t>(sizes[number]));
    plan.apply(inputs, sum);
    return sum;
  }

 private:
  static constexpr std::int64_t sizes[num_sums] = {max_elements, 5, 2049, 1024, 2999};

  SumTree tree_;
  int num_ranks_;
  std::vector<LeafRange> nodes_;
  std::vector<std::int32_t> first_;  ///< [ranks + 1] partial sums
  FoldOrder order_;
  std::vector<std::vector<float>> values_;         ///< inboxes, by rank
  std::vector<std::vector<std::uint32_t>> flags_;  ///< likewise
  std::vector<Matrix> partials_;                   ///< [sums] of all ranks
};

}  // namespace

TEST_CASE("devices that reach each other's memory have the sums of the tree, one after another") {
  using enum emulation::Schedule::Order;
  for (auto const schedule : {emulation::Schedule{forward},
                              emulation::Schedule{reverse},
                              emulation::Schedule{random, 7}}) {
    for (int const num_ranks : {1, 2, 3, 8}) {
      for (std::int32_t const num_leaves : {2, 8, 12}) {
        INFO(num_ranks << " devices, " << num_leaves << " leaves");
        Node node{num_leaves, num_ranks};
        std::vector<std::vector<std::vector<float>>> sums(static_cast<std::size_t>(num_ranks));
        run_devices(num_ranks, [&](int rank) {
          sums[static_cast<std::size_t>(rank)] = node.run(rank, schedule);
        });
        for (std::size_t rank = 0; rank < sums.size(); ++rank) {
          for (std::size_t number = 0; number < num_sums; ++number) {
            CHECK(sums[rank][number] == node.wanted(number));
          }
        }
      }
    }
  }
}
