// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/choices.hpp"
#include "kernels/block/expert_tiles.hpp"
#include "kernels/block/order_choices.hpp"
#include "kernels/block/peer_flags.hpp"
#include "kernels/block/token_inbox.hpp"
#include "kernels/token_exchange.hpp"

namespace talus::kernels::block {

/// Pieces of rows that warps share out.
struct ExchangePieces {
  std::int64_t pieces = 1;  ///< of a row
  std::int64_t rows = 0;

  /// Calls visit(row, its piece) for this warp's share.
  template <class Block, class Visit>
  TALUS_DEVICE void for_each(Block& block, Visit const& visit) const {
    std::int64_t const warps = block.num_threads() / warp_size;
    std::int64_t const first = block.block_index().x * warps + block.thread_index() / warp_size;
    for (std::int64_t i = first; i < rows * pieces; i += block.grid_size().x * warps) {
      visit(i / pieces, i % pieces);
    }
  }
};

/// Calls visit(j) for the quads of a row's piece that are this lane's.
template <class Block, class Visit>
TALUS_DEVICE void for_each_piece_quad(Block& block,
                                      std::int64_t piece,
                                      std::int64_t cols,
                                      Visit const& visit) {
  std::int64_t const first = piece * detail::exchange_piece;
  std::int64_t const end =
      first + detail::exchange_piece < cols ? first + detail::exchange_piece : cols;
  int const lane = block.thread_index() % warp_size;
  for (std::int64_t j = first + lane * quad; j < end; j += warp_size * quad) {
    visit(j);
  }
}

/// Writes tokens to the ranks that have their experts, and what all chose to all ranks; then meets
/// the other ranks' blocks.
///
/// Grid: as many blocks as on all ranks. Block: eight warps, a piece of a token each. No shared
/// memory.
struct SendTokens {
  static constexpr char const* name = "talus::kernels::send_tokens";
  static constexpr bool meets_peers = true;

  TokenInboxes inboxes;
  QuadMatrix<float const> x;
  GlobalSpan<std::int32_t const> ids;
  GlobalSpan<std::int64_t> num_sent;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    PeerMeeting<Block> const meeting{block,
                                     inbox_of(inboxes, inboxes.rank).flags,
                                     block.block_index().x * max_peer_ranks,
                                     inboxes.rank};
    int const num_ranks = inboxes.shape.num_ranks;
    std::int64_t sent = 0;
    ExchangePieces const all{detail::exchange_pieces(inboxes.shape), x.view.rows};
    all.for_each(block, [&](std::int64_t t, std::int64_t piece) {
      std::uint32_t const ranks = destinations(block, t);
      for (int peer = 0; peer < num_ranks; ++peer) {
        TokenInbox const inbox = inbox_of(inboxes, peer);
        if (piece == 0) {
          send_choices(block, inbox, t);
        }
        if ((ranks >> static_cast<unsigned>(peer) & 1U) != 0) {
          send(block, inbox, t, piece);
          sent += piece == 0 && peer != inboxes.rank ? 1 : 0;
        }
      }
    });
    if (sent > 0 && block.thread_index() % warp_size == 0) {
      block.atomic_add(num_sent, 0, sent);
    }
    if (block.block_index().x == 0 && block.thread_index() < num_ranks) {
      block.store(inbox_of(inboxes, block.thread_index()).num_tokens,
                  inboxes.rank,
                  static_cast<std::int32_t>(x.view.rows));
    }
    meeting.meet(block, num_ranks, [this](int peer) { return inbox_of(inboxes, peer).flags; });
  }

 private:
  /// Which ranks have experts of token t: a bit for each. All lanes of a warp.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::uint32_t destinations(Block& block, std::int64_t t) const {
    std::uint32_t ranks = 0;
    std::int64_t const top_k = inboxes.shape.top_k;
    for (std::int64_t k = block.thread_index() % warp_size; k < top_k; k += warp_size) {
      std::int32_t const expert = block.load(ids, t * top_k + k);
      ranks |= 1U << static_cast<unsigned>(inboxes.shape.rank_of(expert));
    }
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
      ranks |= block.shuffle_xor(ranks, distance);
    }
    return ranks;
  }

  template <class Block>
  TALUS_DEVICE void send_choices(Block& block, TokenInbox const& inbox, std::int64_t t) const {
    std::int64_t const top_k = inboxes.shape.top_k;
    std::int64_t const first = inboxes.rank * inboxes.shape.max_choices();
    for (std::int64_t k = block.thread_index() % warp_size; k < top_k; k += warp_size) {
      block.store(inbox.ids, first + t * top_k + k, block.load(ids, t * top_k + k));
    }
  }

  template <class Block>
  TALUS_DEVICE void send(Block& block,
                         TokenInbox const& inbox,
                         std::int64_t t,
                         std::int64_t piece) const {
    std::int64_t const row = inboxes.rank * inboxes.shape.max_tokens + t;
    for_each_piece_quad(block, piece, x.view.cols, [&](std::int64_t j) {
      store_quad(block, inbox.tokens, row, j, load_quad(block, x, t, j));
    });
  }
};

/// The choices of all ranks, of which those of this rank's experts have places.
struct ArrivedChoices {
  ExchangeShape shape;
  std::int32_t first_expert = 0;
  std::int32_t num_experts = 0;               ///< of this rank
  GlobalSpan<std::int32_t const> num_tokens;  ///< [ranks]
  GlobalSpan<std::int32_t const> ids;         ///< [ranks, max_choices]
  GlobalSpan<std::int32_t> token_rows;
  GlobalSpan<std::int32_t> slots;

  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t size(Block& block) const {
    std::int64_t tokens = 0;
    for (int rank = 0; rank < shape.num_ranks; ++rank) {
      tokens += block.load(num_tokens, rank);
    }
    return tokens * shape.top_k;
  }

  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int32_t expert(Block& block, std::int64_t choice) const {
    std::int32_t const own = block.load(ids, slot_of(block, choice)) - first_expert;
    return own < num_experts ? own : -1;
  }

  template <class Block>
  TALUS_DEVICE void put(Block& block, std::int64_t choice, std::int32_t place) const {
    std::int64_t const slot = slot_of(block, choice);
    block.store(slots, place, static_cast<std::int32_t>(slot));
    block.store(token_rows, place, static_cast<std::int32_t>(slot / shape.top_k));
  }

 private:
  /// Where a choice is among the inbox' places, which ranks don't fill.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t slot_of(Block& block, std::int64_t choice) const {
    std::int64_t left = choice;
    for (int rank = 0; rank < shape.num_ranks; ++rank) {
      std::int64_t const choices = block.load(num_tokens, rank) * shape.top_k;
      if (left < choices) {
        return rank * shape.max_choices() + left;
      }
      left -= choices;
    }
    return 0;
  }
};

/// Writes results to the ranks whose choices they are; then meets the other ranks' blocks.
///
/// Grid, block: as SendTokens.
struct ReturnResults {
  static constexpr char const* name = "talus::kernels::return_results";
  static constexpr bool meets_peers = true;

  TokenInboxes inboxes;
  QuadMatrix<float const> results;
  ExpertRows experts;  ///< whose rows the results are
  GlobalSpan<std::int32_t const> slots;
  GlobalSpan<std::int64_t> num_returned;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    ExchangeShape const& shape = inboxes.shape;
    PeerMeeting<Block> const meeting{
        block,
        inbox_of(inboxes, inboxes.rank).flags,
        (detail::exchange_blocks(shape) + block.block_index().x) * max_peer_ranks,
        inboxes.rank};
    std::int64_t returned = 0;
    ExchangePieces const all{detail::exchange_pieces(shape),
                             experts.end_of(block, results.view.rows)};
    all.for_each(block, [&](std::int64_t row, std::int64_t piece) {
      std::int32_t const slot = block.load(slots, row);
      auto const home = static_cast<int>(slot / shape.max_choices());
      TokenInbox const inbox = inbox_of(inboxes, home);
      for_each_piece_quad(block, piece, shape.hidden, [&](std::int64_t j) {
        store_quad(
            block, inbox.results, slot % shape.max_choices(), j, load_quad(block, results, row, j));
      });
      returned += piece == 0 && home != inboxes.rank ? 1 : 0;
    });
    if (returned > 0 && block.thread_index() % warp_size == 0) {
      block.atomic_add(num_returned, 0, returned);
    }
    meeting.meet(
        block, shape.num_ranks, [this](int peer) { return inbox_of(inboxes, peer).flags; });
  }
};

/// Blocks that meet those of all ranks.
[[nodiscard]] inline LaunchShape exchange_launch(ExchangeShape const& shape) {
  return {{detail::exchange_blocks(shape)}, static_cast<int>(detail::exchange_warps) * warp_size};
}

template <class Device>
void send_tokens(Device& device,
                 TokenInboxes const& inboxes,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> expert_ids,
                 std::span<std::int64_t> num_sent) {
  device.launch(exchange_launch(inboxes.shape),
                SendTokens{inboxes, by_quads(x), in_place(expert_ids), in_place(num_sent)});
}

template <class Device>
void order_arrivals(Device& device, TokenInboxes const& inboxes, ArrivalOrder const& order) {
  ExchangeShape const& shape = inboxes.shape;
  detail::InboxLayout const layout{shape};
  std::byte const* const own = inboxes.memory[static_cast<std::size_t>(inboxes.rank)];
  auto const integers = [&](std::int64_t first, std::int64_t count) {
    return GlobalSpan<std::int32_t const>{reinterpret_cast<std::int32_t const*>(own + first),
                                          count};
  };
  order_choices(device,
                ArrivedChoices{shape,
                               static_cast<std::int32_t>(shape.first_expert(inboxes.rank)),
                               static_cast<std::int32_t>(shape.num_local(inboxes.rank)),
                               integers(layout.num_tokens, shape.num_ranks),
                               integers(layout.ids, layout.num_ids),
                               in_place(order.token_rows),
                               in_place(order.slots)},
                order.offsets);
}

template <class Device>
void return_results(Device& device,
                    TokenInboxes const& inboxes,
                    MatrixView<float const> results,
                    RowsByExpert const& cut,
                    std::span<std::int32_t const> slots,
                    std::span<std::int64_t> num_returned) {
  device.launch(
      exchange_launch(inboxes.shape),
      ReturnResults{
          inboxes, by_quads(results), expert_rows(cut), in_place(slots), in_place(num_returned)});
}

}  // namespace talus::kernels::block
