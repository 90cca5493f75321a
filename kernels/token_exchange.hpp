// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "kernels/peer_access.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Tokens on their way to the devices that have their experts, and results on their way back, by
/// memory that all these devices reach: what goes where is decided there, and no host is told.
///
/// Each rank has an inbox: places for the tokens of all ranks, and for the results of its own
/// choices. A step is send_tokens, order_arrivals, the experts' work, return_results, on all ranks
/// in the same order, whether they have tokens or not. An inbox' places are free again when its
/// rank's next step is queued: so one set of them is enough.

namespace talus::kernels {

/// Sizes of an exchange, equal on all ranks. Rank r of R has the experts [r E / R, (r + 1) E / R)
/// of all E, rounded down.
struct ExchangeShape {
  int num_ranks = 1;
  std::int64_t num_experts = 0;
  std::int64_t top_k = 1;
  std::int64_t hidden = 0;
  std::int64_t max_tokens = 0;  ///< of a rank, in a step

  [[nodiscard]] constexpr std::int64_t max_choices() const { return max_tokens * top_k; }

  [[nodiscard]] constexpr std::int64_t first_expert(int rank) const {
    return rank * num_experts / num_ranks;
  }

  /// Who has an expert.
  [[nodiscard]] constexpr int rank_of(std::int64_t expert) const {
    return static_cast<int>(((expert + 1) * num_ranks - 1) / num_experts);
  }

  [[nodiscard]] constexpr std::int64_t num_local(int rank) const {
    return first_expert(rank + 1) - first_expert(rank);
  }
};

/// The inboxes of all ranks, at the addresses that they have for this process' device.
struct TokenInboxes {
  ExchangeShape shape;
  int rank = 0;
  std::array<std::byte*, max_peer_ranks> memory{};  ///< by rank, inbox_bytes() each
};

/// Bytes of an inbox, which begins as zeros.
[[nodiscard]] std::int64_t inbox_bytes(ExchangeShape const& shape);

/// [ranks * max_tokens, hidden] the tokens of rank r from row r * max_tokens on: of those that
/// chose an expert of this rank.
[[nodiscard]] MatrixView<float const> arrived_tokens(TokenInboxes const& inboxes);

/// [max_choices, hidden] the results of this rank's own choices, in their order.
[[nodiscard]] MatrixView<float const> returned_results(TokenInboxes const& inboxes);

/// Writes each token to the ranks that have its experts, and all choices to all ranks; done when
/// those of all ranks are there.
///
/// \param x           [tokens, hidden]; at most max_tokens, maybe none
/// \param expert_ids  [tokens * top_k], where activations are
/// \param num_sent    [1] grows by the tokens that went to other ranks, each once for a rank
/// \throws ConfigError  if the shapes do not match, or the backend has no such exchange
void send_tokens(ExecContext const& exec,
                 TokenInboxes const& inboxes,
                 MatrixView<float const> x,
                 std::span<std::int32_t const> expert_ids,
                 std::span<std::int64_t> num_sent);

/// What choices of all ranks this rank's experts have: expert after expert, each one's by rank,
/// then by token, then as the router chose. Arrays where activations are.
struct ArrivalOrder {
  std::span<std::int32_t> offsets;     ///< [local experts + 1] where each expert's begin
  std::span<std::int32_t> token_rows;  ///< [rows] of arrived_tokens(), of each
  std::span<std::int32_t> slots;       ///< [rows] rank * max_choices + choice, of each
};

/// Orders what has arrived.
///
/// \param order  with room for as many rows as there may be
/// \throws ConfigError  as above
void order_arrivals(ExecContext const& exec,
                    TokenInboxes const& inboxes,
                    ArrivalOrder const& order);

/// Writes each result to the rank whose choice it is; done when this rank's own are there.
///
/// \param results       [rows, hidden], ordered by expert
/// \param cut           of the results
/// \param slots         [rows] of the ArrivalOrder
/// \param num_returned  [1] grows by the rows that went to other ranks
/// \throws ConfigError  as above
void return_results(ExecContext const& exec,
                    TokenInboxes const& inboxes,
                    MatrixView<float const> results,
                    RowsByExpert const& cut,
                    std::span<std::int32_t const> slots,
                    std::span<std::int64_t> num_returned);

}  // namespace talus::kernels
