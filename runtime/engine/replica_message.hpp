// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/engine/sequence.hpp"

namespace talus::runtime {

/// What comes after a message. Where replicas go in lock step, the largest that one of them wants.
enum class RunState : std::int32_t {
  finished,  ///< no step: nothing is left
  goes_on,   ///< a step
  left,      ///< no step, though sequences may be left
};

/// What a replica's first rank decides for all of them before a step: all that can differ from rank
/// to rank (new work, stops found in the text, the end).
struct ReplicaMessage {
  std::vector<SequenceInput> arrivals;
  std::vector<SequenceId> stopped;  ///< sequences whose text reached a stop string
  RunState state = RunState::goes_on;
};

/// Writes a message to `bytes`, replacing what is there.
void encode(ReplicaMessage const& message, std::vector<std::byte>& bytes);

/// \throws Error  if the bytes are not those of a message
[[nodiscard]] ReplicaMessage decode(std::span<std::byte const> bytes);

}  // namespace talus::runtime
