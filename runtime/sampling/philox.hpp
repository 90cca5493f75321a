// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace talus::runtime {

/// Four random 32-bit numbers for a key and a counter: Philox4x32 with 10 rounds.
///
/// Reference: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
[[nodiscard]] std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key,
                                                  std::array<std::uint32_t, 4> counter) noexcept;

/// What a random number belongs to: never a rank, a step or a batch.
struct RandomPlace {
  std::uint64_t seed = 0;
  std::uint64_t request = 0;   ///< a name of the request, the same in every run
  std::uint32_t sample = 0;    ///< which of a request's sequences
  std::uint32_t position = 0;  ///< of the token in its sequence
};

/// A uniform number in [0, 1), a multiple of 2^-24, so that it is exact in float32.
[[nodiscard]] float uniform(RandomPlace const& place) noexcept;

}  // namespace talus::runtime
