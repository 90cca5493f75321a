// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/talus/console.hpp"
#include "parallel/communicator.hpp"
#include "parallel/launcher.hpp"
#include "parallel/watchdog.hpp"

/// \file
/// What the program does about ranks as such: a look at how they were started, and a watch over
/// them while they work.

namespace talus::jobs {

/// What is done about an allocation that is wasted (see parallel::check_start).
enum class StartCheck {
  none,    ///< don't look
  warn,    ///< say what looks wrong
  refuse,  ///< say it, but a node without a rank is an error
};

/// Says what of the allocation is wasted. Collective over `ranks`.
///
/// \param check  not none
/// \param facts  of this process
/// \throws ConfigError  on all ranks, if that is refused
void look_at_start(Console& console,
                   StartCheck check,
                   parallel::Communicator const& ranks,
                   parallel::LaunchFacts const& facts);

/// Seconds of --hang-timeout; none: nobody watches.
///
/// \throws ConfigError  naming what is allowed
[[nodiscard]] std::optional<double> hang_limit(std::string_view text);

/// Watches over the ranks of a communicator: if they wait for one that does not come, says so and
/// ends the job with exit_hung. Collective over `comm`.
///
/// \param limit_s  see hang_limit
/// \param whom     "the job" hangs, or what else these ranks are
[[nodiscard]] std::unique_ptr<parallel::Watchdog> watch(MPI_Comm comm,
                                                        double limit_s,
                                                        std::string const& whom);

}  // namespace talus::jobs
