// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/lanes/segments.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Sums all segments of a product and folds them, the newer onto the older.
///
/// \param accumulate  accumulate(segment, sums): the segment's own sums, whatever they were before
/// \param store       store(sums, where the sums of a node go)
/// `fold(older, newer)` makes older = older + newer.
template <class Sums, class Product, class Accumulate, class Store>
[[gnu::always_inline]] inline void sum_segments(Product const& product,
                                                Accumulate const& accumulate,
                                                Store const& store) {
  Sums stack[Segments::max_depth + 1];
  int depth = 0;
  for (Segment const& segment : product.segments) {
    accumulate(segment, stack[depth]);
    for (std::int32_t i = 0; i < segment.folds; ++i) {
      --depth;
      fold(stack[depth], stack[depth + 1]);
    }
    if (segment.node < 0) {
      ++depth;
    } else {
      store(stack[depth], results_of(product, segment));
    }
  }
}

}  // namespace talus::kernels::TALUS_TARGET
