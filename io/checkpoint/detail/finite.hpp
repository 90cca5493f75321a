// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "runtime/base/dtype.hpp"

namespace talus::io::detail {

/// Index of the first element that is NaN or infinite; nothing for other types than F16, BF16, F32
/// and F64.
///
/// \param bytes  whole elements, at any address
/// Cost: one pass at about the speed of memory.
[[nodiscard]] std::optional<std::int64_t> find_not_finite(
    DType dtype, std::span<std::byte const> bytes) noexcept;

}  // namespace talus::io::detail
