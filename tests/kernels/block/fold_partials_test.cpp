// SPDX-License-Identifier: Apache-2.0
#include "kernels/fold_partials.hpp"

#include <bit>

#include "parallel/fold_plan.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// The nodes of all of `ranks` ranks.
std::vector<LeafRange> nodes_of(SumTree const& tree, std::int32_t ranks) {
  std::vector<LeafRange> all;
  for (std::int32_t rank = 0; rank < ranks; ++rank) {
    std::vector<LeafRange> const nodes = tree.nodes_of(tree.run_of(rank, ranks));
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  return all;
}

/// What the ranks of a CPU run add up.
std::vector<float> folded_by_plan(SumTree const& tree,
                                  std::span<LeafRange const> nodes,
                                  Matrix const& partials) {
  parallel::FoldPlan plan{tree, nodes};
  std::vector<float const*> inputs;
  for (std::int64_t row = 0; row < std::ssize(nodes); ++row) {
    inputs.push_back(partials.view().data + row * partials.view().row_stride);
  }
  std::vector<float> sum(static_cast<std::size_t>(partials.view().cols));
  plan.apply(inputs, sum);
  return sum;
}

}  // namespace

TEST_CASE("partial sums of any cut have the bits of a sum over MPI, by every schedule") {
  for (std::int32_t const leaves : {1, 2, 7, 12, 64, 512}) {
    SumTree const tree{leaves};
    for (std::int32_t const ranks : {1, 2, 3, 6, 8}) {
      std::vector<LeafRange> const nodes = nodes_of(tree, ranks);
      FoldOrder const order = fold_order(tree, nodes);
      for (std::int64_t const size : {1, 5, 128, 1030}) {
        INFO(leaves << " leaves, " << ranks << " ranks, " << size << " elements");
        Matrix const partials = random_matrix(std::ssize(nodes), size, 17);
        std::vector<float> const wanted = folded_by_plan(tree, nodes, partials);
        auto const run = [&] {
          std::vector<float> sum(static_cast<std::size_t>(size));
          fold_partials(on_cuda, order, partials.view(), sum);
          return sum;
        };
        CHECK(run() == wanted);
        std::vector<float> on_host(wanted.size());
        fold_partials(on_reference, order, partials.view(), on_host);
        CHECK(on_host == wanted);
        if (leaves == 12) {
          check_schedules(wanted, run);
        }
      }
    }
  }
}

TEST_CASE("folds of too many partial sums, or of other sizes, are refused") {
  SumTree const tree{max_partials + 1};
  std::vector<LeafRange> leaves;
  for (std::int32_t leaf = 0; leaf <= max_partials; ++leaf) {
    leaves.push_back({leaf, leaf + 1});
  }
  CHECK_THROWS_AS(fold_order(tree, leaves), ConfigError);

  SumTree const two{2};
  FoldOrder const order = fold_order(two, std::vector<LeafRange>{{0, 1}, {1, 2}});
  Matrix const partials = random_matrix(2, 4, 1);
  std::vector<float> sum(3);
  CHECK_THROWS_AS(fold_partials(on_cuda, order, partials.view(), sum), ConfigError);
  sum.resize(4);
  Matrix const three = random_matrix(3, 4, 1);
  CHECK_THROWS_AS(fold_partials(on_cuda, order, three.view(), sum), ConfigError);
}
