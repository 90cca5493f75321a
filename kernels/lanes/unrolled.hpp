// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

namespace talus::kernels::TALUS_TARGET {

/// Calls function(std::integral_constant<int, i>) for 0 <= i < Count: a loop that is gone before
/// the compiler decides which arrays can live in registers.
template <int Count, class Function>
[[gnu::always_inline]] inline void unrolled(Function const& function) {
  [&]<int... Indices>(std::integer_sequence<int, Indices...>) __attribute__((always_inline)) {
    (function(std::integral_constant<int, Indices>{}), ...);
  }
  (std::make_integer_sequence<int, Count>{});
}

}  // namespace talus::kernels::TALUS_TARGET
