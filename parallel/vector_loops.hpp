// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace talus::parallel {

/// out[i] = left[i] + right[i]; `out` may be `left` or `right` itself, else overlaps neither.
void add_values(float const* left, float const* right, float* out, std::size_t size) noexcept;

/// to[i] = from[i]; no overlap. What another core has just written comes with it several times as
/// fast as with memcpy, whose string instruction keeps few cache misses under way: 64 KiB in 5.5 us
/// instead of 33 on a Zen 3.
void copy_values(float const* from, float* to, std::size_t size) noexcept;

}  // namespace talus::parallel
