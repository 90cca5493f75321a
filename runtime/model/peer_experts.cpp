// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/peer_experts.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/moe.hpp"
#include "kernels/transfer.hpp"
#include "runtime/base/rounding.hpp"
#include "runtime/traffic/opened_peers.hpp"

namespace talus::runtime {
namespace {

kernels::TokenInboxes inboxes_of(GroupTraffic const& group,
                                 DispatchSizes const& sizes,
                                 kernels::PeerMemory const& peers) {
  kernels::TokenInboxes inboxes{.shape = exchange_shape(group.size(), sizes), .rank = group.rank()};
  for (int rank = 0; rank < group.size(); ++rank) {
    inboxes.memory[static_cast<std::size_t>(rank)] = peers.at(rank);
  }
  return inboxes;
}

/// 0, 1, ...: results come back in the order of the choices.
kernels::Buffer<std::int32_t> in_order(kernels::ExecContext const& exec, std::int64_t size) {
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(size));
  std::iota(numbers.begin(), numbers.end(), 0);
  kernels::Buffer<std::int32_t> buffer{exec, size};
  kernels::upload<std::int32_t>(exec, numbers, buffer.data());
  return buffer;
}

}  // namespace

kernels::ExchangeShape exchange_shape(int num_ranks, DispatchSizes const& sizes) {
  std::int64_t const most_local = ceil_div(sizes.num_experts, num_ranks);
  std::int64_t const rows_of_token = num_ranks * std::min(sizes.top_k, most_local);
  return {.num_ranks = num_ranks,
          .num_experts = sizes.num_experts,
          .top_k = sizes.top_k,
          .hidden = sizes.hidden,
          .max_tokens = std::clamp<std::int64_t>(
              sizes.most_rows / rows_of_token, 1, std::max<std::int64_t>(sizes.max_tokens, 1))};
}

std::int64_t most_expert_rows(kernels::ExchangeShape const& shape, std::int64_t local_experts) {
  return shape.num_ranks * shape.max_tokens * std::min(shape.top_k, local_experts);
}

PeerExperts::PeerExperts(kernels::ExecContext const& exec,
                         GroupTraffic& group,
                         DispatchSizes const& sizes,
                         std::unique_ptr<kernels::PeerMemory> peers)
    : exec_{exec},
      group_{&group},
      peers_{std::move(peers)},
      inboxes_{inboxes_of(group, sizes, *peers_)},
      max_tokens_{sizes.max_tokens},
      offsets_{exec, num_local() + 1},
      token_rows_{exec, most_expert_rows(inboxes_.shape, num_local())},
      slots_{exec, token_rows_.size()},
      choice_rows_{in_order(exec, inboxes_.shape.max_choices())},
      moved_{exec, 2},
      arrived_{exec, token_rows_.size(), sizes.hidden} {
  kernels::clear(exec, moved_.span());
  begin_step(0);
}

PeerExperts::~PeerExperts() {
  close_peers(exec_, group_->communicator(), *peers_);
}

void PeerExperts::begin_step(std::int64_t most_routed) {
  kernels::ExchangeShape const& shape = inboxes_.shape;
  std::int64_t const routed = most_routed == 0 ? max_tokens_ : std::min(most_routed, max_tokens_);
  num_rounds_ = std::max<std::int64_t>(ceil_div(routed, shape.max_tokens), 1);
  kernels::ExchangeShape round = shape;
  round.max_tokens = std::min(routed, shape.max_tokens);
  round_rows_ = most_expert_rows(round, num_local());
  std::int64_t const choices = round.num_ranks * round.max_choices();
  expected_rows_ = std::max<std::int64_t>(ceil_div(choices * num_local(), shape.num_experts), 1);
}

MatrixView<float const> PeerExperts::dispatch(MatrixView<float const> x,
                                              std::span<std::int32_t const> expert_ids) {
  num_choices_ = expert_ids.size();
  kernels::send_tokens(exec_, inboxes_, x, expert_ids, moved_.span().first(1));
  kernels::order_arrivals(exec_, inboxes_, {offsets_.span(), token_rows_.span(), slots_.span()});
  MatrixView<float> const arrived = arrived_.rows(round_rows_);
  kernels::gather_tokens(exec_,
                         kernels::arrived_tokens(inboxes_),
                         token_rows_.span().first(static_cast<std::size_t>(round_rows_)),
                         rows(),
                         arrived);
  return as_const(arrived);
}

MatrixView<float const> PeerExperts::collect(MatrixView<float const> results) {
  kernels::return_results(
      exec_, inboxes_, results, rows(), slots_.span(), moved_.span().subspan(1));
  return rows_of(kernels::returned_results(inboxes_), 0, static_cast<std::int64_t>(num_choices_));
}

ExchangedElements PeerExperts::take_exchanged() {
  std::array<std::int64_t, 2> moved{};
  kernels::download<std::int64_t>(exec_, moved_.data(), moved);
  kernels::clear(exec_, moved_.span());
  return {moved[0] * inboxes_.shape.hidden, moved[1] * inboxes_.shape.hidden};
}

}  // namespace talus::runtime
