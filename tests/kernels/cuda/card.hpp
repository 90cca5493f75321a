// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "kernels/cuda/module.hpp"
#include "kernels/device.hpp"

namespace talus::kernels::cuda {

/// What a test that was skipped ends with.
inline constexpr int skipped_code = 77;

/// The first GPU of this machine, for tests: what they allocate is memory that it reads, too.
/// Where there is no GPU, a program that this is linked to says so before its main() begins, and
/// ends with skipped_code.
struct Card {
  Module const* module = nullptr;
  Device* device = nullptr;
};

[[nodiscard]] Card const& card();

/// What a card would do with other memory spoils all that comes after it.
///
/// \throws ConfigError  if the card doesn't reach the memory: a test's must be allocated
void check_reach(std::span<std::byte const> memory);

/// The variable of the environment with which a test with a card forbids the default stream.
inline constexpr char const* forbid_default_stream = "TALUS_FORBID_DEFAULT_STREAM";

/// Where the default stream is forbidden: \throws ConfigError  if it was used
void check_default_stream();

}  // namespace talus::kernels::cuda
