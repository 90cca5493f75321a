// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/executor.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernels/sampling.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::runtime {

Executor::Executor(GridTraffic& traffic,
                   ModelSpec const& spec,
                   ModelWeights const& weights,
                   DecoderLimits const& limits,
                   StepClock& clock)
    : exec_{traffic.exec()},
      spec_{spec},
      grid_{&traffic.grid()},
      tp_{&traffic.tp()},
      expert_{&traffic.expert()},
      clock_{&clock},
      decoder_{traffic, spec, weights, limits, clock},
      hidden_{traffic.exec(), limits.max_tokens, spec.hidden},
      block_tokens_{limits.block_tokens},
      slots_(static_cast<std::size_t>(std::max(grid_->shape().pp, 2)) + 1),
      block_tables_(static_cast<std::size_t>(decoder_.kv_layout().num_groups())),
      groups_(block_tables_.size()),
      table_mirrors_(block_tables_.size()) {
  ShardPlace const place = shard_place(*grid_);
  if (place.is_last_stage()) {
    LayerContext const context{.exec = traffic.exec(),
                               .place = place,
                               .clock = &clock,
                               .norm_epsilon = spec.norm_epsilon,
                               .latent_norm_epsilon = spec.latent_norm_epsilon};
    head_.emplace(context, spec, traffic.tp(), weights, limits.max_tokens);
    for (Slot& slot : slots_) {
      slot.drawn.emplace(traffic.exec(), limits.max_tokens);
    }
  }
  parallel::ChannelOptions channel{
      .peer = place.pp_rank + 1,
      .tag = parallel::Tag::activations,
      .max_elements = static_cast<std::size_t>(limits.max_tokens * spec.hidden),
      .num_slots = 2};
  if (!place.is_last_stage()) {
    next_ = traffic.pp().make_sender(channel);
  }
  if (!place.is_first_stage()) {
    channel.peer = place.pp_rank - 1;
    previous_ = traffic.pp().make_receiver(channel);
  }
  auto const max_tokens = static_cast<std::size_t>(limits.max_tokens);
  tokens_.reserve(max_tokens);
  positions_.reserve(max_tokens);
  sources_ = StepArray<std::int32_t>{exec_, limits.max_tokens};
  if (exec_.device != nullptr) {
    timer_ = exec_.device->make_timer();
  }
  if (limits.max_recordings > 0 && decoder_.is_recordable()) {
    recordings_.emplace(*exec_.device, clock, limits.max_recordings);
  }
}

Executor::~Executor() = default;

void Executor::build_batch(StepPlan const& plan,
                           std::span<SequenceState const> sequences,
                           Scheduler const& scheduler) {
  tokens_.clear();
  positions_.clear();
  context_.clear();
  sources_.clear();
  first_row_.assign(1, 0);
  std::int64_t max_blocks = 0;
  for (PlanEntry const& entry : plan.entries) {
    std::int32_t const end = entry.first_position + entry.num_tokens;
    add_tokens(entry, sequences[index_of(entry.sequence)]);
    context_.push_back(entry.first_position);
    first_row_.push_back(static_cast<std::int32_t>(tokens_.size()));
    max_blocks = std::max(max_blocks, (end + block_tokens_ - 1) / block_tokens_);
  }
  if (is_recordable(plan)) {
    // Few kinds of steps, whose recordings serve while contexts grow.
    max_blocks = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(max_blocks)));
  }
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    fill_tables(plan, scheduler, static_cast<std::int32_t>(group), max_blocks);
    groups_[group] = {.first_row = first_row_,
                      .context = context_,
                      .block_tables = block_tables_[group],
                      .max_blocks = max_blocks};
    table_mirrors_[group].publish<std::int32_t>(exec_, block_tables_[group]);
  }
  token_mirror_.publish<std::int32_t>(exec_, tokens_);
  position_mirror_.publish<std::int32_t>(exec_, positions_);
  first_row_mirror_.publish<std::int32_t>(exec_, first_row_);
  context_mirror_.publish<std::int32_t>(exec_, context_);
  batch_ = {.tokens = tokens_, .positions = positions_, .groups = groups_};
  open_tokens();
}

/// What an entry computes; a token that the step before is still to draw is left open.
void Executor::add_tokens(PlanEntry const& entry, SequenceState const& sequence) {
  auto const num_known = static_cast<std::int32_t>(sequence.tokens.size());
  std::int32_t const end = entry.first_position + entry.num_tokens;
  for (std::int32_t p = entry.first_position; p < end; ++p) {
    bool const is_known = p < num_known;
    tokens_.push_back(is_known ? sequence.tokens[static_cast<std::size_t>(p)] : 0);
    sources_.push_back(is_known ? -1 : drawing_rows_[index_of(entry.sequence)]);
    positions_.push_back(p);
  }
}

/// Gets ready to put tokens that are left open in their places, behind what draws them.
void Executor::open_tokens() {
  std::span<std::int32_t const> const sources = sources_.values();
  bool const is_any =
      std::any_of(sources.begin(), sources.end(), [](std::int32_t source) { return source >= 0; });
  open_tokens_ = {};
  if (is_any) {
    sources_.publish(exec_);
    drawn_before_ = head_->gather_drawn();
    open_tokens_ = token_mirror_.open<std::int32_t>(exec_, tokens_);
  }
}

/// Notes which rows of a step draw the next tokens of which sequences.
void Executor::note_drawn(StepPlan const& plan, StepRows const& rows) {
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    if (plan.entries[i].samples) {
      std::size_t const sequence = index_of(plan.entries[i].sequence);
      drawing_rows_.resize(std::max(drawing_rows_.size(), sequence + 1));
      drawing_rows_[sequence] = rows.first_row[i + 1] - 1;
    }
  }
}

void Executor::fill_tables(StepPlan const& plan,
                           Scheduler const& scheduler,
                           std::int32_t group,
                           std::int64_t max_blocks) {
  std::vector<std::int32_t>& table = block_tables_[static_cast<std::size_t>(group)];
  table.assign(plan.entries.size() * static_cast<std::size_t>(max_blocks), 0);
  auto row = table.begin();
  for (PlanEntry const& entry : plan.entries) {
    std::span<BlockId const> const blocks = scheduler.blocks(entry.sequence, group);
    auto const used = std::min(blocks.size(), static_cast<std::size_t>(max_blocks));
    // A block that fell out of its window is never read; any number does.
    std::transform(
        blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(used), row, [](BlockId block) {
          return std::max(static_cast<std::int32_t>(block), 0);
        });
    row += max_blocks;
  }
}

void Executor::start(StepPlan const& plan,
                     std::span<SequenceState const> sequences,
                     Scheduler const& scheduler) {
  Slot& slot = slots_[static_cast<std::size_t>(num_started_++) % slots_.size()];
  slot.rows.build(plan, sequences);
  slot.tokens.resize(static_cast<std::int64_t>(slot.rows.rows.size()), slot.rows.max_top);
  build_batch(plan, sequences, scheduler);
  note_drawn(plan, slot.rows);
  copy_blocks(plan);
  bool const is_skipped = skips_prompts_ && plan.num_samples == 0;
  if ((!plan.entries.empty() && !is_skipped) || grid_->spans_replicas()) {
    run_stage(plan, slot);
  }
  share_tokens(slot);
}

void Executor::copy_blocks(StepPlan const& plan) {
  copies_.clear();
  for (BlockCopy const& copy : plan.block_copies) {
    copies_.push_back(
        {.from = static_cast<std::int32_t>(copy.from), .to = static_cast<std::int32_t>(copy.to)});
  }
  decoder_.copy_blocks(copies_);
}

void Executor::run_stage(StepPlan const& plan, Slot& slot) {
  MatrixView<float> const x = hidden_.rows(plan.num_tokens());
  auto const elements = static_cast<std::size_t>(x.rows * x.cols);
  slot.is_drawn = head_ && !slot.rows.rows.empty();
  if (slot.is_drawn) {
    head_->prepare(slot.rows.rows);
  }
  if (timer_) {
    timer_->begin();
  }
  if (previous_ && elements > 0) {
    auto const timed = clock_->scope(io::Phase::wait_previous_stage);
    previous_->receive({x.data, elements});
  }
  bool const is_head_done = run_layers(plan, x, slot);
  if (next_ && elements > 0) {
    auto const timed = clock_->scope(io::Phase::send_next_stage);
    next_->send({x.data, elements});
    clock_->count(io::Traffic::next_stage, static_cast<std::int64_t>(elements * sizeof(float)));
  }
  if (slot.is_drawn && !is_head_done) {
    head_->start(as_const(x), slot.rows.rows, slot.tokens);
  }
  if (slot.is_drawn) {
    head_->fetch(slot.rows.rows, *slot.drawn);
  }
  if (timer_) {
    timer_->end();
  }
}

/// From the tokens, or what came from the stage before, to this stage's output and, where it can be
/// recorded with that, to the tokens that are drawn.
///
/// \return whether they are drawn
bool Executor::run_layers(StepPlan const& plan, MatrixView<float> x, Slot& slot) {
  bool const draws = slot.is_drawn && is_recordable(plan) &&
                     slot.rows.rows.size() == plan.entries.size() &&
                     head_->is_recordable(slot.rows.rows);
  auto const work = [&] {
    if (!open_tokens_.empty()) {
      kernels::take_drawn(exec_, sources_.values(), drawn_before_, open_tokens_);
    }
    if (!previous_ && x.rows > 0) {
      decoder_.embed(batch_, x);
    }
    decoder_.run(batch_, x);
    if (draws) {
      head_->start(as_const(x), slot.rows.rows, slot.tokens);
    }
  };
  if (decoder_.wants_most_routed()) {
    batch_.most_routed = count_most_routed(x.rows);
    expert_->note_queued("exchanges of tokens");  // of all layers, recorded or not
  }
  if (!is_recordable(plan)) {
    work();
    return false;
  }
  // Few kinds of steps, likewise.
  batch_.most_routed =
      static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(batch_.most_routed)));
  StepKind const kind{.num_sequences = std::ssize(plan.entries),
                      .max_blocks = groups_.front().max_blocks,
                      .most_routed = batch_.most_routed,
                      .takes_drawn = !open_tokens_.empty(),
                      .draws = draws};
  if (recordings_->run(kind, work)) {
    tp_->note_queued("recorded calls");
  }
  return draws;
}

/// Tokens that a rank of the expert group routes in this step, at most. Collective over the group
/// where it joins replicas: none knows the others' plans.
///
/// \param tokens  of this replica
std::int64_t Executor::count_most_routed(std::int64_t tokens) {
  std::int64_t const own = ceil_div(tokens, tp_->size());
  if (!grid_->spans_replicas()) {
    return own;
  }
  auto const timed = clock_->scope(io::Phase::lock_step);
  return parallel::all_reduce(expert_->communicator(), own, parallel::ReduceOp::max);
}

/// Whether all that the step does is one token of each of its sequences.
bool Executor::is_recordable(StepPlan const& plan) const noexcept {
  return recordings_ && !plan.entries.empty() &&
         std::ssize(plan.entries) == std::int64_t{plan.num_tokens()};
}

void Executor::share_tokens(Slot& slot) {
  int const stages = grid_->shape().pp;
  if (stages == 1 || slot.rows.rows.empty()) {
    return;
  }
  fetch_tokens(slot);
  auto const timed = clock_->scope(io::Phase::token_broadcast);
  slot.arrival = parallel::start_broadcast(grid_->pp(), slot.tokens.words(), stages - 1);
}

void Executor::fetch_tokens(Slot& slot) {
  if (std::exchange(slot.is_drawn, false)) {
    head_->finish(slot.rows.rows, *slot.drawn, slot.tokens);
  }
}

void Executor::take_device_times() {
  if (timer_) {
    kernels::DeviceTimes const times = timer_->take();
    clock_->add_device(times.busy, times.idle);
  }
}

Executor::Outcome Executor::finish() {
  Slot& slot = slots_[static_cast<std::size_t>(num_finished_++) % slots_.size()];
  fetch_tokens(slot);
  take_device_times();
  auto const timed = clock_->scope(io::Phase::token_broadcast);
  if (slot.arrival.is_pending()) {
    slot.arrival.wait();
  }
  return {slot.rows, slot.tokens};
}

void Executor::close() {
  if (next_) {
    next_->finish();
  }
}

}  // namespace talus::runtime
