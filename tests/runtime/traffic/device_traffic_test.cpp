// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_traffic.hpp"

#include "runtime/base/error.hpp"
#include "runtime/traffic/device_sum.hpp"
#include "runtime/traffic/direct_traffic.hpp"
#include "runtime/traffic/grid_traffic.hpp"
#include "runtime/traffic/mpi_device_group.hpp"

#include "tests/runtime/traffic/linked_device.hpp"
#include "tests/runtime/traffic/traffic_support.hpp"
#include "tests/support/catch.hpp"

// MPI in place of NCCL: what goes where, in which order, and how it is folded, is the same.

using namespace talus;
using namespace talus::runtime;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Direct traffic, and traffic between devices whose memory the host can't touch.
struct Kinds {
  parallel::Communicator world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  kernels::ShiftedDevice device;
  kernels::ExecContext on_host{};
  kernels::ExecContext on_device{.device = &device};
  std::unique_ptr<GroupTraffic> direct = make_direct_traffic(on_host, world);
  std::unique_ptr<GroupTraffic> linked =
      make_device_traffic(on_device, world, std::make_unique<ShiftedGroup>(device, world));
};

}  // namespace

TEST_CASE("gathers and exchanges between devices give what direct ones give") {
  Kinds kinds;
  for (int const scale : {0, 1, 5, 1000}) {
    INFO("scale " << scale);
    Values const all = gathered(*kinds.direct, kinds.on_host, scale);
    CHECK(are_same(gathered(*kinds.linked, kinds.on_device, scale), all));
    Values const mine = exchanged(*kinds.direct, kinds.on_host, scale);
    CHECK(are_same(exchanged(*kinds.linked, kinds.on_device, scale), mine));
  }
}

TEST_CASE("messages from stage to stage go from device to device") {
  Kinds kinds;
  std::vector<std::size_t> const sizes{5, 1, 5000, 3, 17, 4999};
  Values const direct = passed_on(*kinds.direct, kinds.on_host, sizes);
  CHECK(are_same(passed_on(*kinds.linked, kinds.on_device, sizes), direct));
}

TEST_CASE("sums between devices have the bits of direct ones, in slices and whole") {
  Kinds kinds;
  // The folds are the host's here, so that memory must be, too.
  kernels::ShiftedDevice device{0};
  kernels::ExecContext const exec{.device = &device};
  auto const group = make_mpi_device_group(exec, kinds.world);
  std::vector<std::size_t> const sizes{7, 0, 1, 4096, 16, 20000, 20001, 3, 33};
  for (std::int32_t const leaves : {1, 3, 8, 12, 64}) {
    Values const direct = summed(*kinds.direct, kinds.on_host, leaves, sizes);
    SumTree const tree{leaves};
    parallel::SumLayout const layout{tree, kinds.world.rank(), kinds.world.size()};
    for (double const round_bytes : {0.0, 4096.0, 1e9}) {
      INFO(leaves << " leaves, " << round_bytes << " bytes a round");
      DeviceSum sum{exec, *group, layout, tree, 20001, round_bytes};
      CHECK(sum.num_partials() == layout.my_nodes.size());
      CHECK(are_same(summed_by(sum, tree, kinds.world, exec, sizes), direct));
    }
    // By how much a round costs, sums of a size are folded by all ranks or in slices.
    DeviceSum const slices{exec, *group, layout, tree, 20001, 0.0};
    DeviceSum const whole{exec, *group, layout, tree, 20001, 1e9};
    CHECK(whole.folds_everywhere(20001));
    bool const saves_nothing = layout.longest_whole(0.0) > 0;  // two ranks, of a partial sum each
    CHECK(slices.folds_everywhere(20001) == saves_nothing);
  }
}

TEST_CASE("a grid's devices are joined where each rank has a card of its own") {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = world.size()}};
  LinkedDevice device{world, concat("0000:0", world.rank(), ":00.0"), ""};
  kernels::ExecContext const exec{.device = &device};
  auto const direct = make_direct_traffic({}, world);
  Values const wanted = gathered(*direct, {}, 3);
  for (CommOption const comm : {CommOption::automatic, CommOption::nccl}) {
    GridTraffic traffic{exec, grid, comm};
    int const before = device.num_downloads();
    CHECK(are_same(gathered(traffic.tp(), exec, 3), wanted));
    CHECK(device.num_downloads() == before + 1);  // the test's own
    if (world.size() > 1) {
      CHECK_THAT(traffic.description(), ContainsSubstring("tensor parallel: fake 1.0 ("));
    } else {
      CHECK(traffic.description().empty());
    }
  }
}

TEST_CASE("where devices can't be joined, traffic goes by MPI, or not at all if so wanted") {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  parallel::ProcessGrid const grid{MPI_COMM_WORLD, {.tp = world.size()}};
  bool const is_last = world.rank() == world.size() - 1;
  bool const is_missing = GENERATE(false, true);
  // The same card everywhere, or the library is missing on one rank.
  LinkedDevice device{world,
                      is_missing ? concat("0000:0", world.rank(), ":00.0") : "0000:01:00.0",
                      is_missing && is_last ? "no such library" : ""};
  kernels::ExecContext const exec{.device = &device};
  auto const direct = make_direct_traffic({}, world);
  Values const wanted = gathered(*direct, {}, 3);
  GridTraffic traffic{exec, grid};
  CHECK(are_same(gathered(traffic.tp(), exec, 3), wanted));
  GridTraffic mpi{exec, grid, CommOption::mpi};
  CHECK(are_same(gathered(mpi.tp(), exec, 3), wanted));
  if (world.size() > 1) {
    char const* const reason = is_missing ? "no such library" : "ranks 0 and 1 of the group";
    CHECK_THAT(traffic.description(), ContainsSubstring(reason));
    CHECK_THAT(traffic.description(), ContainsSubstring("MPI"));
    CHECK_THAT(mpi.description(), ContainsSubstring("--comm mpi"));
    CHECK_THROWS_WITH((GridTraffic{exec, grid, CommOption::nccl}), ContainsSubstring(reason));
  }
}

TEST_CASE("short sums go by memory that all devices reach, if they all do; others by messages") {
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  bool const do_all = GENERATE(true, false);
  LinkedDevice device{world, "", "", 0};
  device.reaches_peers = do_all || world.rank() + 1 < world.size();
  kernels::ExecContext const exec{.device = &device};
  auto const direct = make_direct_traffic({}, world);
  auto const linked =
      make_device_traffic(exec, world, std::make_unique<ShiftedGroup>(device, world));
  std::vector<std::size_t> const sizes{7, 0, 32768, 32769, 1, 40000};
  for (std::int32_t const leaves : {1, 8, 12}) {
    device.num_peer_sums = 0;
    INFO(leaves << " leaves");
    Values const wanted = summed(*direct, {}, leaves, sizes);
    CHECK(are_same(summed(*linked, exec, leaves, sizes), wanted));
    CHECK(device.num_peer_sums == (do_all ? 3 : 0));
  }
}
