// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/expert_dispatch.hpp"

#include "kernels/device_links.hpp"
#include "kernels/transfer.hpp"
#include "runtime/model/expert_exchange.hpp"
#include "runtime/model/local_experts.hpp"
#include "runtime/model/peer_experts.hpp"
#include "runtime/traffic/opened_peers.hpp"

namespace talus::runtime {
namespace {

/// Inboxes of all ranks; null where they can't reach each other's.
std::unique_ptr<kernels::PeerMemory> open_inboxes(kernels::ExecContext const& exec,
                                                  GroupTraffic const& group,
                                                  DispatchSizes const& sizes) {
  if (kernels::shares_memory(exec)) {
    return nullptr;
  }
  kernels::PeerMemoryPlace const place{
      .rank = group.rank(), .bytes = kernels::inbox_bytes(exchange_shape(group.size(), sizes))};
  return open_peers(exec, group.communicator(), [&](kernels::DeviceLinks& links) {
    return links.make_peer_memory(place);
  });
}

}  // namespace

std::unique_ptr<ExpertDispatch> make_expert_dispatch(kernels::ExecContext const& exec,
                                                     GroupTraffic& group,
                                                     DispatchSizes const& sizes) {
  if (group.size() == 1) {
    return std::make_unique<LocalExperts>(exec, sizes);
  }
  if (auto inboxes = open_inboxes(exec, group, sizes)) {
    return std::make_unique<PeerExperts>(exec, group, sizes, std::move(inboxes));
  }
  return std::make_unique<ExpertExchange>(exec, group, sizes.num_experts, sizes.hidden);
}

}  // namespace talus::runtime
