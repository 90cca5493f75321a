// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace talus::jobs {

/// Runs a program, found as the shell does, and gives what it prints to its standard output. To be
/// called before MPI is there: some networks' libraries don't bear other processes.
///
/// \param command   its name and arguments
/// \param patience  after which it is ended
/// \return none if it isn't there, fails, or is ended
[[nodiscard]] std::optional<std::string> program_output(std::vector<std::string> const& command,
                                                        std::chrono::milliseconds patience);

}  // namespace talus::jobs
