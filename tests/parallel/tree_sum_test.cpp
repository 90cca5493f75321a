// SPDX-License-Identifier: Apache-2.0
#include "parallel/tree_sum.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "parallel/progress.hpp"
#include "parallel/shared_window.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/spread_values.hpp"

using talus::LeafRange;
using talus::SumTree;
using talus::parallel::Communicator;
using talus::parallel::is_one_node;
using talus::parallel::SumTransport;
using talus::parallel::TreeSum;
using talus::parallel::wait_yielding;

namespace {

using Values = std::vector<float>;

// What leaf `leaf` contributes.
Values leaf_values(std::int32_t leaf, std::size_t size) {
  return talus::test::spread_values(static_cast<std::uint32_t>(leaf), size);
}

// The definition of the sum, by recursion: the node over [first, first + size) of the leaves.
std::optional<Values> node_sum(LeafRange node, std::int32_t size, std::size_t num_values) {
  if (node.first >= node.last) {
    return std::nullopt;
  }
  if (size == 1) {
    return leaf_values(node.first, num_values);
  }
  std::int32_t const middle = std::min(node.first + size / 2, node.last);
  std::optional<Values> left = node_sum({node.first, middle}, size / 2, num_values);
  std::optional<Values> const right = node_sum({middle, node.last}, size / 2, num_values);
  if (right) {
    std::transform(left->begin(), left->end(), right->begin(), left->begin(), std::plus<>{});
  }
  return left;
}

Values node_sum(LeafRange node, std::size_t num_values) {
  auto const leaves = static_cast<std::uint32_t>(node.last - node.first);
  return *node_sum(node, static_cast<std::int32_t>(std::bit_ceil(leaves)), num_values);
}

// The partial sums of this rank's nodes.
std::vector<Values> partials_of(TreeSum const& sum, std::size_t num_values) {
  std::vector<Values> partials;
  for (LeafRange const node : sum.my_nodes()) {
    partials.push_back(node_sum(node, num_values));
  }
  return partials;
}

// Puts `size` values of each partial sum, from `first` on, where `sum` expects them.
void put(TreeSum& sum, std::vector<Values> const& partials, std::size_t first, std::size_t size) {
  for (std::size_t node = 0; node < partials.size(); ++node) {
    std::ranges::copy(std::span{partials[node]}.subspan(first, size), sum.partial(node).begin());
  }
}

void put_all(TreeSum& sum, std::size_t num_values) {
  put(sum, partials_of(sum, num_values), 0, num_values);
}

bool same_bits(std::span<float const> a, std::span<float const> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("the sum has the bits of the tree, for groups of every size and either transport") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  int const world_size = world.size();
  int const group_size = GENERATE_COPY(range(1, world_size + 1));
  std::int32_t const num_leaves = GENERATE(1, 2, 3, 6, 7, 12, 32);
  SumTransport const transport = GENERATE(SumTransport::messages, SumTransport::automatic);
  Communicator const group = world.split(world.rank() / group_size, world.rank());
  constexpr std::size_t most = 9001;
  TreeSum sum{group, SumTree{num_leaves}, most, transport};
  std::vector<Values> const partials = partials_of(sum, most);
  Values const expected = node_sum({0, num_leaves}, most);

  for (std::size_t const num_values : {std::size_t{0}, std::size_t{1}, std::size_t{700}, most}) {
    put(sum, partials, 0, num_values);
    Values result(num_values, -1.0F);

    sum.sum(result);

    CHECK(same_bits(result, std::span{expected}.first(num_values)));
  }
}

TEST_CASE("both ways of summing are taken, and by all ranks alike") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  SumTransport const transport = GENERATE(SumTransport::messages, SumTransport::automatic);
  TreeSum const sum{world, SumTree{12}, 1 << 17, transport};

  CHECK(sum.folds_everywhere(16));
  CHECK(sum.folds_everywhere(1 << 17) == (world.size() <= 1));
}

TEST_CASE("ranks of one node share memory, unless messages are asked for") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  SumTree const tree{8};
  bool const can_share = is_one_node(world);

  TreeSum const shared{world, tree, 100};
  TreeSum const sent{world, tree, 100, SumTransport::messages};

  CHECK((shared.transport() == SumTransport::shared_memory) == (can_share && world.size() > 1));
  CHECK(sent.transport() == SumTransport::messages);
  if (!can_share) {
    CHECK_THROWS_AS((TreeSum{world, tree, 100, SumTransport::shared_memory}), talus::ConfigError);
  }
}

TEST_CASE("ranks that come late, one or another, don't harm the sums of those that don't") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  SumTransport const transport = GENERATE(SumTransport::messages, SumTransport::automatic);
  std::size_t const most = GENERATE(300U, 30'000U);
  TreeSum sum{world, SumTree{world.size() + 1}, most, transport};
  std::minstd_rand common{5};
  std::minstd_rand own{static_cast<unsigned>(world.rank() + 1)};
  Values const expected = node_sum({0, world.size() + 1}, most);
  std::vector<Values> const partials = partials_of(sum, most);
  bool all_right = true;

  for (int round = 0; round < 200; ++round) {
    // Another part of the values each time, so that what an earlier sum left behind is wrong.
    std::size_t const first = common() % most;
    std::size_t const size = common() % (most - first);
    if (own() % 8 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds{own() % 300});
    }
    put(sum, partials, first, size);
    Values result(size);
    sum.sum(result);
    all_right = all_right && same_bits(result, std::span{expected}.subspan(first, size));
  }

  CHECK(all_right);
}

TEST_CASE("two sums take turns, and their communicator may be gone") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  SumTransport const transport = GENERATE(SumTransport::messages, SumTransport::automatic);
  std::optional<Communicator> group = Communicator::duplicate(world.native());
  TreeSum first{*group, SumTree{8}, 5000, transport};
  TreeSum second{*group, SumTree{3}, 700, transport};
  group.reset();

  for (int round = 0; round < 3; ++round) {
    Values of_eight(5000);
    Values of_three(700);
    put_all(first, 5000);
    put_all(second, 700);
    first.sum(of_eight);
    second.sum(of_three);

    CHECK(same_bits(of_eight, node_sum({0, 8}, 5000)));
    CHECK(same_bits(of_three, node_sum({0, 3}, 700)));
  }
}

TEST_CASE("a rank that waits for a sum lets MPI deliver its messages") {
  Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
  if (world.size() == 1) {
    SUCCEED("nobody to send to");
    return;
  }
  TreeSum sum{world, SumTree{world.size()}, 10};
  put_all(sum, 10);
  std::vector<std::int32_t> message(1 << 20, world.rank());
  Values result(10);

  // Too large to be sent before its receiver is there, and who sends it is in the sum by then.
  MPI_Request request = MPI_REQUEST_NULL;
  if (world.rank() == 0) {
    int const count = static_cast<int>(message.size());
    MPI_Isend(message.data(), count, MPI_INT32_T, 1, 1, world.native(), &request);
  } else if (world.rank() == 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    int const count = static_cast<int>(message.size());
    MPI_Recv(message.data(), count, MPI_INT32_T, 0, 1, world.native(), MPI_STATUS_IGNORE);
    CHECK(message.back() == 0);
  }
  sum.sum(result);
  wait_yielding({&request, 1});

  CHECK(same_bits(result, node_sum({0, world.size()}, 10)));
}

TEST_CASE("the order matters in these values, so that equal bits prove it") {
  constexpr std::size_t num_values = 1000;
  Values in_order(num_values, 0.0F);
  for (std::int32_t leaf = 0; leaf < 8; ++leaf) {
    Values const values = leaf_values(leaf, num_values);
    std::transform(values.begin(), values.end(), in_order.begin(), in_order.begin(), std::plus<>{});
  }

  CHECK_FALSE(same_bits(in_order, node_sum({0, 8}, num_values)));
}
