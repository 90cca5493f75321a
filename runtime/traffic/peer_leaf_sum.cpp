// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/peer_leaf_sum.hpp"

#include <utility>

#include "kernels/device_links.hpp"
#include "runtime/traffic/opened_peers.hpp"

namespace talus::runtime {

std::unique_ptr<kernels::PeerSums> open_peer_sums(kernels::ExecContext const& exec,
                                                  parallel::Communicator const& group,
                                                  kernels::PeerSumPlace const& place) {
  return open_peers(
      exec, group, [&](kernels::DeviceLinks& links) { return links.make_peer_sums(place); });
}

PeerLeafSum::PeerLeafSum(kernels::ExecContext const& exec,
                         parallel::Communicator const& group,
                         std::unique_ptr<DeviceSum> others,
                         std::unique_ptr<kernels::PeerSums> peers)
    : exec_{exec}, group_{&group}, others_{std::move(others)}, peers_{std::move(peers)} {}

PeerLeafSum::~PeerLeafSum() {
  close_peers(exec_, *group_, *peers_);
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
