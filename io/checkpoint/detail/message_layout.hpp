// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/detail/read_plan.hpp"
#include "io/checkpoint/detail/sink_table.hpp"

namespace talus::io::detail {

/// Element size of a part's tensor, in bytes.
[[nodiscard]] std::int64_t element_bytes_of(Checkpoint const& checkpoint, UnitPart const& part);

/// A whole part, as it lies in a unit that was read to `bytes`.
[[nodiscard]] PackedRect rect_of_part(Checkpoint const& checkpoint,
                                      UnitPart const& part,
                                      std::span<std::byte const> bytes);

/// The stretch of the unit `bytes` that is the group's message as it stands; nothing if the message
/// must be packed, because columns or rows are left out in between.
[[nodiscard]] std::optional<std::span<std::byte const>> find_unpacked(
    Checkpoint const& checkpoint,
    Unit const& unit,
    Group const& group,
    std::span<std::byte const> bytes);

/// Copies what a group needs from the unit `bytes` to `message`, as long as Group::bytes.
void pack_message(Checkpoint const& checkpoint,
                  Unit const& unit,
                  Group const& group,
                  std::span<std::byte const> bytes,
                  std::span<std::byte> message);

}  // namespace talus::io::detail
