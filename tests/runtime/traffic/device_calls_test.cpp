// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/device_calls.hpp"

#include "parallel/call_log.hpp"
#include "runtime/base/error.hpp"
#include "runtime/traffic/device_traffic.hpp"

#include "tests/runtime/traffic/linked_device.hpp"
#include "tests/runtime/traffic/traffic_support.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::runtime;
using parallel::RankState;

namespace {

/// A device that notes what a watchdog would see while the host waits for it.
class WatchedDevice final : public kernels::ShiftedDevice {
 public:
  explicit WatchedDevice(RankState const& state) : state_{&state} {}

  void synchronize() override { wait(kernels::Waited::for_all); }

  void wait(kernels::Waited waited) {
    kernels::DeviceWaitScope const waiting{waits(), waited};
    seen = parallel::read_state(*state_);
  }

  RankState seen;

 private:
  RankState const* state_;
};

struct Watched {
  RankState state;
  parallel::CallLog log{state, 0};
  parallel::Communicator world = parallel::Communicator::duplicate(MPI_COMM_WORLD, &log);
  WatchedDevice device{state};
  kernels::ExecContext exec{.device = &device};
  DeviceCalls calls{&device};
  std::unique_ptr<GroupTraffic> traffic = make_device_traffic(
      exec, world, std::make_unique<ShiftedGroup>(device, world), {nullptr, &calls});
};

}  // namespace

TEST_CASE("a wait for a device says which call between ranks was queued there last") {
  Watched watched;
  watched.device.synchronize();
  CHECK(watched.device.seen.waits == 0);  // nothing was queued

  static_cast<void>(gathered(*watched.traffic, watched.exec, 5));
  static_cast<void>(exchanged(*watched.traffic, watched.exec, 5));
  watched.device.wait(kernels::Waited::for_some);
  CHECK(watched.device.seen.waits == 1);
  CHECK(watched.device.seen.call.str() == "all-to-all");
  CHECK(watched.device.seen.group_name.str() == "devices");
  CHECK(watched.device.seen.number == 2);
  CHECK(watched.device.seen.need == 2);
  CHECK(watched.device.seen.size == static_cast<std::uint64_t>(watched.world.size()));
  CHECK(watched.state.waits == 0);  // it has come back

  watched.device.synchronize();
  CHECK(watched.device.seen.waits == 1);  // of some of it was no end
  watched.device.synchronize();
  CHECK(watched.device.seen.waits == 0);
}

TEST_CASE("a wait for a stage's message names the channel") {
  Watched watched;
  if (watched.world.size() < 2) {
    return;
  }
  static_cast<void>(passed_on(*watched.traffic, watched.exec, {5, 3}));
  watched.device.synchronize();
  int const rank = watched.world.rank();
  bool const is_last = rank + 1 == watched.world.size();
  std::string const channel =
      is_last ? concat(rank - 1, " to ", rank) : concat(rank, " to ", rank + 1);
  CHECK(watched.device.seen.waits == 1);
  CHECK(watched.device.seen.call.str() == (is_last ? "receive from stage" : "send to stage"));
  CHECK(watched.device.seen.group_name.str() == channel);
  CHECK(watched.device.seen.number == 2);
  CHECK(watched.device.seen.size == 2);
}
