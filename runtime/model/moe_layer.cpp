// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/moe_layer.hpp"

#include <algorithm>

#include "kernels/biased_activation.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/matmul.hpp"
#include "kernels/moe.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::runtime {
namespace {

MatrixView<float> matrix(std::span<float> data, std::int64_t rows, std::int64_t cols) {
  return {data.data(), rows, cols, cols};
}

}  // namespace

MoeScratch::MoeScratch(LayerContext const& context,
                       MoeSpec const& moe,
                       std::int64_t max_tokens,
                       std::int64_t hidden,
                       std::int64_t layers,
                       std::int64_t most_rows)
    : logits{context.exec, max_tokens, moe.num_experts},
      mixed{context.exec, context.place.tp_size > 1 ? max_tokens : 0, hidden},
      shared{context.exec, max_tokens, hidden},
      expert_ids{context.exec, max_tokens * moe.routing.top_k},
      weights{context.exec, max_tokens * moe.routing.top_k},
      routed{context.exec, layers, moe.num_experts} {
  static_cast<void>(gate_up.need(context.exec, most_rows * 2 * moe.intermediate));
  static_cast<void>(activated.need(context.exec, most_rows * moe.intermediate));
  static_cast<void>(results.need(context.exec, most_rows * hidden));
}

DispatchSizes dispatch_sizes(MoeSpec const& moe,
                             ShardPlace const& place,
                             std::int64_t max_tokens,
                             std::int64_t hidden) {
  return {.num_experts = moe.num_experts,
          .top_k = moe.routing.top_k,
          .hidden = hidden,
          .max_tokens = ceil_div(max_tokens, place.tp_size)};
}

MoeLayer::MoeLayer(LayerContext const& context,
                   MoeSpec const& spec,
                   MoeWeights const& weights,
                   GroupTraffic& tp,
                   ExpertDispatch& dispatch,
                   MoeScratch& scratch)
    : context_{context},
      spec_{spec},
      weights_{&weights},
      tp_{&tp},
      dispatch_{&dispatch},
      scratch_{&scratch},
      routed_{scratch.routed.add_layer()} {
  scratch.counts.resize(static_cast<std::size_t>(tp.size()));
  scratch.offsets.resize(static_cast<std::size_t>(tp.size()));
}

void MoeLayer::run(MatrixView<float const> x, MatrixView<float> out) {
  Range const mine = part_of(x.rows, tp_->rank(), tp_->size());
  MatrixView<float const> const own = rows_of(x, mine.first, mine.size());
  choose_experts(own);
  // One rank mixes where it is wanted.
  bool const is_alone = tp_->size() == 1;
  MatrixView<float> const mixed = is_alone ? out : scratch_->mixed.rows(mine.size());
  for (std::int64_t round = 0; round < dispatch_->num_rounds(); ++round) {
    Range const tokens = tokens_of_round(round, mine.size());
    mix_experts(rows_of(own, tokens.first, tokens.size()),
                tokens.first * spec_.routing.top_k,
                rows_of(mixed, tokens.first, tokens.size()));
  }
  if (!is_alone) {
    gather(as_const(mixed), out);
  }
  if (shared_) {
    MatrixView<float> const shared = scratch_->shared.rows(x.rows);
    shared_->run(x, shared);
    kernels::add(context_.exec, as_const(shared), out);
  }
}

/// Of this rank's tokens, those that a round has.
Range MoeLayer::tokens_of_round(std::int64_t round, std::int64_t tokens) const {
  std::int64_t const at_a_time = std::min(dispatch_->round_tokens(), tokens);
  return {std::min(round * at_a_time, tokens), std::min((round + 1) * at_a_time, tokens)};
}

/// What the experts make of some of this rank's tokens.
///
/// \param first_choice  of the tokens, among those of all that this rank routes
void MoeLayer::mix_experts(MatrixView<float const> x,
                           std::int64_t first_choice,
                           MatrixView<float> mixed) {
  auto const first = static_cast<std::size_t>(first_choice);
  auto const choices = static_cast<std::size_t>(x.rows * spec_.routing.top_k);
  MatrixView<float const> rows;
  {
    auto const timed = context_.clock->scope(io::Phase::expert_dispatch);
    rows = dispatch_->dispatch(x, scratch_->expert_ids.span().subspan(first, choices));
    context_.clock->count_expert_wait(dispatch_->wait_s());
    context_.clock->count(io::Traffic::expert_dispatch, dispatch_->elements_sent() * 4);
  }
  MatrixView<float const> const results = run_experts(rows);
  auto const timed = context_.clock->scope(io::Phase::expert_combine);
  MatrixView<float const> const back = dispatch_->collect(results);
  context_.clock->count(io::Traffic::expert_combine, dispatch_->elements_returned() * 4);
  kernels::combine_experts(context_.exec,
                           back,
                           dispatch_->choice_rows(),
                           scratch_->weights.span().subspan(first, choices),
                           mixed);
}

void MoeLayer::choose_experts(MatrixView<float const> x) {
  auto const timed = context_.clock->scope(io::Phase::moe_route);
  auto const choices = static_cast<std::size_t>(x.rows * spec_.routing.top_k);
  MatrixView<float> const logits = scratch_->logits.rows(x.rows);
  kernels::matmul(context_.exec, x, weights_->router, logits);
  if (spec_.router_bias) {
    kernels::add_bias(context_.exec, weights_->router_bias, logits);
  }
  kernels::route(context_.exec,
                 as_const(logits),
                 weights_->correction_bias,
                 spec_.routing,
                 scratch_->expert_ids.span().first(choices),
                 scratch_->weights.span().first(choices));
  kernels::count_choices(context_.exec, scratch_->expert_ids.span().first(choices), routed_);
}

MatrixView<float const> MoeLayer::run_experts(MatrixView<float const> rows) {
  auto const timed = context_.clock->scope(io::Phase::expert_compute);
  kernels::ExecContext const& exec = context_.exec;
  std::int64_t const width = spec_.intermediate;
  std::int64_t const num_rows = rows.rows;
  MatrixView<float> const gate_up =
      matrix(scratch_->gate_up.need(exec, num_rows * 2 * width), num_rows, 2 * width);
  MatrixView<float> const activated =
      matrix(scratch_->activated.need(exec, num_rows * width), num_rows, width);
  MatrixView<float> const results =
      matrix(scratch_->results.need(exec, num_rows * rows.cols), num_rows, rows.cols);
  kernels::grouped_matmul(exec, rows, dispatch_->rows(), weights_->gate_up, gate_up);
  kernels::activate_experts(
      exec, spec_.activation, {weights_->gate_up_bias, dispatch_->rows()}, gate_up, activated);
  kernels::grouped_matmul(exec, as_const(activated), dispatch_->rows(), weights_->down, results);
  kernels::add_expert_biases(exec, weights_->down_bias, dispatch_->rows(), results);
  return as_const(results);
}

void MoeLayer::gather(MatrixView<float const> mine, MatrixView<float> out) {
  auto const timed = context_.clock->scope(io::Phase::gather);
  for (int rank = 0; rank < tp_->size(); ++rank) {
    scratch_->counts[static_cast<std::size_t>(rank)] =
        static_cast<int>(part_of(out.rows, rank, tp_->size()).size() * out.cols);
  }
  int const total = parallel::pack_blocks(scratch_->counts, scratch_->offsets);
  tp_->all_gather_v({mine.data, static_cast<std::size_t>(mine.rows * mine.cols)},
                    {out.data, static_cast<std::size_t>(total)},
                    {scratch_->counts, scratch_->offsets});
  context_.clock->count(io::Traffic::gather, mine.rows * mine.cols * 4 * (tp_->size() - 1));
}

}  // namespace talus::runtime
