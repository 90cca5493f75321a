// SPDX-License-Identifier: Apache-2.0
#include "runtime/traffic/opened_peers.hpp"

#include <cstddef>
#include <cstring>
#include <exception>
#include <span>
#include <vector>

#include "parallel/collectives.hpp"
#include "parallel/shared_window.hpp"

namespace talus::runtime {
namespace {

/// Of this rank's part; what it is if there is none doesn't matter.
kernels::PeerHandle handle_of(kernels::PeerAccess* own, bool& is_there) {
  try {
    is_there = own != nullptr;
    return is_there ? own->handle() : kernels::PeerHandle{};
  } catch (Error const&) {
    is_there = false;
    return {};
  }
}

bool opens(kernels::PeerAccess& own, std::span<kernels::PeerHandle const> handles) {
  try {
    own.open(handles);
    return true;
  } catch (Error const&) {
    return false;
  }
}

}  // namespace

bool may_be_peers(parallel::Communicator const& group) {
  return group.size() <= kernels::max_peer_ranks && parallel::is_one_node(group);
}

bool reach_each_other(parallel::Communicator const& group, kernels::PeerAccess* own) {
  bool is_there = false;
  kernels::PeerHandle const handle = handle_of(own, is_there);
  if (!parallel::all_agree(group, is_there)) {
    return false;
  }
  std::vector<std::byte> bytes(handle.size() * static_cast<std::size_t>(group.size()));
  parallel::all_gather<std::byte>(group, handle, std::span{bytes});
  std::vector<kernels::PeerHandle> handles(static_cast<std::size_t>(group.size()));
  std::memcpy(handles.data(), bytes.data(), bytes.size());
  if (!parallel::all_agree(group, opens(*own, handles))) {
    own->close();
    parallel::barrier(group);  // before any part goes
    return false;
  }
  return true;
}

void close_peers(kernels::ExecContext const& exec,
                 parallel::Communicator const& group,
                 kernels::PeerAccess& peers) noexcept {
  if (std::uncaught_exceptions() > 0) {
    return;
  }
  try {
    exec.device->synchronize();
    parallel::barrier(group);  // all that reaches it is done
    peers.close();
    parallel::barrier(group);  // nobody reaches this rank's memory any more
  } catch (Error const&) {     // the job ends
  }
}

}  // namespace talus::runtime
