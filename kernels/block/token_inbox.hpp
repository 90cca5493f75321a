// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/detail/inbox_layout.hpp"
#include "kernels/token_exchange.hpp"

namespace talus::kernels::block {

/// What an inbox has.
struct TokenInbox {
  /// [2, blocks, max_peer_ranks] of the rank that raises it: of tokens, then of results
  GlobalSpan<std::uint32_t> flags;
  GlobalSpan<std::int32_t> num_tokens;  ///< [ranks]
  GlobalSpan<std::int32_t> ids;         ///< [ranks, max_choices]
  QuadMatrix<float> tokens;             ///< [ranks * max_tokens, hidden]
  QuadMatrix<float> results;            ///< [max_choices, hidden]
};

/// The inbox of a rank.
[[nodiscard]] TALUS_DEVICE inline TokenInbox inbox_of(TokenInboxes const& inboxes, int rank) {
  ExchangeShape const& shape = inboxes.shape;
  detail::InboxLayout const layout{shape};
  std::byte* const memory = inboxes.memory[static_cast<std::size_t>(rank)];
  auto const rows = [&](std::int64_t first, std::int64_t count) {
    return QuadMatrix<float>{
        {reinterpret_cast<float*>(memory + first), count, shape.hidden, layout.stride}, true};
  };
  return {
      .flags = {reinterpret_cast<std::uint32_t*>(memory), layout.num_flags},
      .num_tokens = {reinterpret_cast<std::int32_t*>(memory + layout.num_tokens), shape.num_ranks},
      .ids = {reinterpret_cast<std::int32_t*>(memory + layout.ids), layout.num_ids},
      .tokens = rows(layout.tokens, shape.num_ranks * shape.max_tokens),
      .results = rows(layout.results, shape.max_choices())};
}

}  // namespace talus::kernels::block
