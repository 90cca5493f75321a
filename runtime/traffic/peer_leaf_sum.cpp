// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/peer_leaf_sum.hpp"

#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "kernels/device.hpp"
#include "kernels/device_links.hpp"
#include "parallel/collectives.hpp"
#include "parallel/shared_window.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

/// Null where the device can't: its library's errors are no reason to end a run that can go on.
std::unique_ptr<kernels::PeerSums> make_peer_sums(kernels::Device& device,
                                                  kernels::PeerSumPlace const& place,
                                                  kernels::PeerHandle& handle) {
  try {
    kernels::DeviceLinks* const links = device.links();
    auto peers = links == nullptr ? nullptr : links->make_peer_sums(place);
    if (peers) {
      handle = peers->handle();
    }
    return peers;
  } catch (Error const&) {
    return nullptr;
  }
}

bool reaches_all(kernels::PeerSums& peers, std::span<kernels::PeerHandle const> inboxes) {
  try {
    peers.open(inboxes);
    return true;
  } catch (Error const&) {
    return false;
  }
}

}  // namespace

std::unique_ptr<kernels::PeerSums> open_peer_sums(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group,
                                                  kernels::PeerSumPlace const& place) {
  if (group.size() > kernels::max_peer_ranks || !parallel::is_one_node(group)) {
    return nullptr;
  }
  kernels::PeerHandle handle{};
  auto peers = make_peer_sums(*exec.device, place, handle);
  if (!parallel::all_agree(group, peers != nullptr)) {
    return nullptr;
  }
  std::vector<std::byte> bytes(handle.size() * static_cast<std::size_t>(group.size()));
  parallel::all_gather<std::byte>(group, handle, std::span{bytes});
  std::vector<kernels::PeerHandle> inboxes(static_cast<std::size_t>(group.size()));
  std::memcpy(inboxes.data(), bytes.data(), bytes.size());
  if (!parallel::all_agree(group, reaches_all(*peers, inboxes))) {
    peers->close();
    parallel::barrier(group);  // before any inbox goes
    return nullptr;
  }
  return peers;
}

PeerLeafSum::PeerLeafSum(kernels::ExecContext const& exec,
                         parallel::Communicator const& group,
                         std::unique_ptr<DeviceSum> others,
                         std::unique_ptr<kernels::PeerSums> peers)
    : exec_{exec}, group_{&group}, others_{std::move(others)}, peers_{std::move(peers)} {}

PeerLeafSum::~PeerLeafSum() {
  if (std::uncaught_exceptions() > 0) {
    return;
  }
  try {
    exec_.device->synchronize();
    parallel::barrier(*group_);  // all sums are done
    peers_->close();
    parallel::barrier(*group_);  // nobody reaches this inbox any more
  } catch (Error const&) {       // the job ends
  }
}

parallel::SumArrival PeerLeafSum::sum(std::span<float> result) {
  if (!is_short(result.size())) {
    return others_->sum(result);
  }
  if (!result.empty()) {
    peers_->sum(others_->partials(result.size()), result);
  }
  return {};
}

}  // namespace talus::runtime
