// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// Makes an error that some ranks saw an error of all, so that none is left in a later collective.
///
/// Collective over `comm`: every rank calls it, with what went wrong or nothing.
/// \throws ConfigError  on every rank, with the message of the lowest rank that has one, and with
///                      that rank's number if not all have one
void agree_or_throw(Communicator const& comm, std::optional<std::string> const& failure);

/// As above, with the exception that this rank caught, or null.
void agree_or_throw(Communicator const& comm, std::exception_ptr failure);

/// Runs `work`, which must not communicate, and agrees on how it went. Collective over `comm`.
///
/// \throws ConfigError  on every rank if `work` threw on any
void run_and_agree(Communicator const& comm, std::function<void()> const& work);

}  // namespace talus::parallel
