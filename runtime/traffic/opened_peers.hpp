// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/device.hpp"
#include "kernels/device_links.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/peer_access.hpp"
#include "parallel/communicator.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {

/// True on all ranks if they are on one host, and not too many. Collective over `group`.
[[nodiscard]] bool may_be_peers(parallel::Communicator const& group);

/// Has each rank reach the others' parts. Collective over `group`.
///
/// \param own  this rank's; null: it has none
/// \return false, on all ranks, if one has none or can't reach another's: then all are closed
[[nodiscard]] bool reach_each_other(parallel::Communicator const& group, kernels::PeerAccess* own);

/// Makes what devices of a group's ranks all reach, and opens it; null on all ranks where they
/// can't: errors of a device's library are no reason to end a run that can go on. Collective over
/// `group`.
///
/// \param make  of a kernels::DeviceLinks, an owning pointer to a kernels::PeerAccess, or null
/// \pre the context has a device
template <class Make>
[[nodiscard]] auto open_peers(kernels::ExecContext const& exec,
                              parallel::Communicator const& group,
                              Make const& make) {
  decltype(make(*exec.device->links())) own;
  if (!may_be_peers(group)) {
    return own;
  }
  try {
    if (kernels::DeviceLinks* const links = exec.device->links()) {
      own = make(*links);
    }
  } catch (Error const&) {  // this one can't
  }
  if (!reach_each_other(group, own.get())) {
    own.reset();
  }
  return own;
}

/// Returns when no device of the group reaches another one's part any more, so that it may go. An
/// exception that is on its way ends the job: then it does nothing. Collective over `group`.
void close_peers(kernels::ExecContext const& exec,
                 parallel::Communicator const& group,
                 kernels::PeerAccess& peers) noexcept;

}  // namespace talus::runtime
