// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/peer_access.hpp"
#include "kernels/token_exchange.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::detail {

/// Floats of a row that a warp moves at a time.
inline constexpr std::int64_t exchange_piece = 512;

/// Pieces of a token.
[[nodiscard]] constexpr std::int64_t exchange_pieces(ExchangeShape const& shape) {
  return ceil_div(shape.hidden, exchange_piece);
}

/// Warps of a block that moves tokens or results.
inline constexpr std::int64_t exchange_warps = 8;

/// Blocks that move tokens or results: on all ranks as many, and no more than run at a time on the
/// smallest card, since each waits for those of its number.
[[nodiscard]] constexpr std::int64_t exchange_blocks(ExchangeShape const& shape) {
  std::int64_t const pieces = shape.max_choices() * exchange_pieces(shape);
  return std::clamp<std::int64_t>(ceil_div(pieces, 4 * exchange_warps), 1, 96);
}

/// Where the arrays of an inbox begin, and where it ends; bytes.
struct InboxLayout {
  static constexpr std::int64_t alignment = 256;

  constexpr explicit InboxLayout(ExchangeShape const& shape)
      : num_flags{2 * exchange_blocks(shape) * max_peer_ranks},
        num_ids{shape.num_ranks * shape.max_choices()},
        stride{round_up(shape.hidden, 4)},
        num_tokens{round_up(num_flags * 4, alignment)},
        ids{num_tokens + round_up(std::int64_t{4} * shape.num_ranks, alignment)},
        tokens{ids + round_up(num_ids * 4, alignment)},
        results{tokens + round_up(shape.num_ranks * shape.max_tokens * stride * 4, alignment)},
        end{results + round_up(shape.max_choices() * stride * 4, alignment)} {}

  std::int64_t num_flags;  ///< elements, which lie first
  std::int64_t num_ids;    ///< elements
  std::int64_t stride;     ///< of a row of floats
  std::int64_t num_tokens, ids, tokens, results, end;
};

}  // namespace talus::kernels::detail
