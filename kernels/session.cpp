// SPDX-License-Identifier: Apache-2.0
#include "kernels/session.hpp"

#include <algorithm>
#include <vector>

#include "kernels/kokkos/library.hpp"
#include "kernels/threads/thread_team.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {
namespace {

/// The part of the usable cores that is this process's; all where there are fewer than processes.
std::vector<int> own_cores(CoreShare share) {
  std::vector<int> const cores = usable_cores();
  auto const count = std::ssize(cores);
  if (count < share.num_sharing) {
    return {};
  }
  return {cores.begin() + share.index * count / share.num_sharing,
          cores.begin() + (share.index + 1) * count / share.num_sharing};
}

TeamOptions team_options(int num_threads, CoreShare share) {
  std::vector<int> cores = own_cores(share);
  int const num_cores = std::max(static_cast<int>(cores.size()), 1);
  TeamOptions options{.num_threads = num_threads > 0 ? num_threads : num_cores, .cores = {}};
  options.spins = options.num_threads <= static_cast<int>(cores.size());
  if (options.spins) {
    options.cores = std::move(cores);
  }
  return options;
}

}  // namespace

KernelSession::KernelSession(int num_threads, CoreShare share) {
  if (num_threads < 0) {
    throw ConfigError{
        concat("threads: ", num_threads, " (must be at least 1, or 0 for all cores)")};
  }
  team_ = std::make_unique<ThreadTeam>(team_options(num_threads, share));
  owns_kokkos_ = !kokkos::is_started();
  if (owns_kokkos_) {
    kokkos::start(team_->size());
  }
}

KernelSession::~KernelSession() {
  if (owns_kokkos_) {
    kokkos::stop();
  }
}

int KernelSession::num_threads() const noexcept {
  return team_->size();
}

std::string KernelSession::description() {
  return kokkos::description();
}

}  // namespace talus::kernels
