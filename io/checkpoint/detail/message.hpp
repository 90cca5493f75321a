// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

#include "parallel/communicator.hpp"

namespace talus::io::detail {

/// What an exception says, without the "[file:line]" that Error appends: for a message that another
/// exception is to carry.
[[nodiscard]] std::string message_of(std::exception const& error);

/// Throws a ConfigError with the message of the lowest rank that has one; returns if none has.
///
/// Collective over `comm`.
/// \param message  what went wrong on this rank; empty if nothing did
void throw_first(parallel::Communicator const& comm, std::string const& message);

}  // namespace talus::io::detail
