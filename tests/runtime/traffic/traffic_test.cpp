// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/direct_traffic.hpp"
#include "runtime/traffic/grid_traffic.hpp"
#include "runtime/traffic/staged_traffic.hpp"

#include "tests/runtime/traffic/traffic_support.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::runtime;

namespace {

/// Both kinds, on a group of all ranks.
struct Kinds {
  parallel::Communicator world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  kernels::ShiftedDevice device;
  kernels::ExecContext on_host{};
  kernels::ExecContext on_device{.device = &device};
  std::unique_ptr<GroupTraffic> direct = make_direct_traffic(on_host, world);
  std::unique_ptr<GroupTraffic> staged = make_staged_traffic(on_device, world);
};

}  // namespace

TEST_CASE("gathers and exchanges through the host's memory give what direct ones give") {
  Kinds kinds;
  for (int const scale : {0, 1, 5, 1000}) {
    INFO("scale " << scale);
    Values const all = gathered(*kinds.direct, kinds.on_host, scale);
    CHECK(are_same(gathered(*kinds.staged, kinds.on_device, scale), all));
    Values const mine = exchanged(*kinds.direct, kinds.on_host, scale);
    CHECK(are_same(exchanged(*kinds.staged, kinds.on_device, scale), mine));
    // Which is what the ranks sent.
    std::size_t first = 0;
    for (int rank = 0; rank < kinds.world.size(); ++rank) {
      auto const size = static_cast<std::size_t>(block_size(rank, 1, scale));
      Values const sent = test::spread_values(static_cast<std::uint32_t>(rank), size);
      CHECK(std::equal(sent.begin(), sent.end(), all.begin() + static_cast<std::ptrdiff_t>(first)));
      first += size;
    }
  }
}

TEST_CASE("sums over leaves have the same bits through the host's memory") {
  Kinds kinds;
  std::vector<std::size_t> const sizes{7, 0, 1, 4096, 16, 100000, 100001, 3};
  for (std::int32_t const leaves : {1, 3, 8, 12, 64}) {
    INFO(leaves << " leaves");
    Values const direct = summed(*kinds.direct, kinds.on_host, leaves, sizes);
    CHECK(are_same(summed(*kinds.staged, kinds.on_device, leaves, sizes), direct));
  }
}

TEST_CASE("messages from stage to stage go through the host's memory") {
  Kinds kinds;
  std::vector<std::size_t> const sizes{5, 1, 5000, 3, 17, 4999};
  Values const direct = passed_on(*kinds.direct, kinds.on_host, sizes);
  CHECK(are_same(passed_on(*kinds.staged, kinds.on_device, sizes), direct));
}

TEST_CASE("a grid's traffic goes through the host's memory where a context has a device") {
  Kinds kinds;
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = kinds.world.size()}};
  GridTraffic direct{kinds.on_host, grid};
  GridTraffic staged{kinds.on_device, grid};
  CHECK(&staged.grid() == &grid);
  CHECK(staged.exec().device == &kinds.device);
  CHECK(staged.tp().size() == kinds.world.size());
  CHECK(staged.pp().size() == 1);
  CHECK(staged.expert().size() == 1);
  Values const all = gathered(direct.tp(), kinds.on_host, 3);
  CHECK(kinds.device.num_downloads() == 0);
  CHECK(are_same(gathered(staged.tp(), kinds.on_device, 3), all));
  CHECK(kinds.device.num_downloads() > 0);
}
