// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "io/ledger/ledger_contents.hpp"

namespace talus::io {

/// How many of the lines that a ledger knows are in the output, from its start.
///
/// A line beyond the output's end was lost, with all that follow it, as by a power cut or by who
/// removed the file; so was one that has bytes of value 0, which file systems put where data never
/// arrived.
///
/// \throws ConfigError  if the output can't be read, or a line isn't the one that was written:
///                      somebody changed the file, and it is not for us to cut off what is there
/// Cost: reads the output once.
[[nodiscard]] std::size_t count_known_lines(std::filesystem::path const& output,
                                            std::span<FinishedRequest const> finished);

}  // namespace talus::io
