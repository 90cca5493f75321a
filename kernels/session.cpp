// SPDX-License-Identifier: Apache-2.0
#include "kernels/session.hpp"

#include <algorithm>
#include <vector>

#include "kernels/kokkos/library.hpp"
#include "kernels/threads/thread_team.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {
namespace {

TeamOptions team_options(int num_threads, CoreShare share) {
  std::vector<Core> const cores = part_of(usable_cores(), share);
  TeamOptions options;
  options.num_threads = num_threads > 0 ? num_threads : std::max(num_whole_cores(cores), 1);
  options.spins = options.num_threads <= static_cast<int>(cores.size());
  for (int thread = 0; options.spins && thread < options.num_threads; ++thread) {
    options.cores.push_back(cores[static_cast<std::size_t>(thread)].number);
  }
  return options;
}

}  // namespace

KernelSession::KernelSession(int num_threads, CoreShare share, KokkosUse use) {
  if (num_threads < 0) {
    throw ConfigError{
        concat("threads: ", num_threads, " (must be at least 1, or 0 for all cores)")};
  }
  team_ = std::make_unique<ThreadTeam>(team_options(num_threads, share));
  if (use != KokkosUse::none && !kokkos::is_started()) {
    kokkos::start(team_->size());
    owns_kokkos_ = use == KokkosUse::session;
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
