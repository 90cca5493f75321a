// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/engine.hpp"

#include <algorithm>
#include <utility>

#include "parallel/collectives.hpp"

namespace talus::runtime {

Engine::Engine(GridTraffic& traffic,
               ModelSpec const& spec,
               ModelWeights const& weights,
               DecoderLimits const& limits,
               SchedulerOptions const& options,
               StepClock& clock)
    : spec_{spec},
      grid_{&traffic.grid()},
      clock_{&clock},
      scheduler_{options},
      executor_{traffic, spec, weights, limits, clock},
      max_open_plans_{options.steps_in_flight},
      sequences_(static_cast<std::size_t>(options.max_num_seqs)) {}

RunEnd Engine::run(EngineClient* client, StepObserver* observer) {
  client_ = client;
  agreed_.reset();
  RunState state = RunState::goes_on;
  while (true) {
    if (!has_room_for_plan()) {
      commit();
    }
    ReplicaMessage message = next_message();
    state = message.state;
    apply(std::move(message));
    if (state != RunState::goes_on) {
      break;
    }
    if (!has_room_for_plan()) {
      continue;  // one that was planned ahead is to be committed, too
    }
    StepPlan const* plan = nullptr;
    {
      auto const timed = clock_->scope(io::Phase::schedule);
      plan = &scheduler_.plan();
      agreed_.reset();
      clock_->begin_step(plan->step);
      tell_client(*plan);
    }
    num_steps_ahead_ += std::ssize(open_plans_) < max_open_plans_ ? 0 : 1;
    executor_.start(*plan, sequences_, scheduler_);
    open_plans_.push_back(plan);
    if (observer != nullptr) {
      observer->on_step(*plan, scheduler_, executor_.decoder());
    }
  }
  while (!open_plans_.empty()) {
    commit();
  }
  tell_untold();
  executor_.close();
  if (observer != nullptr) {
    observer->on_run_end(executor_.decoder());
  }
  return state == RunState::left ? RunEnd::left : RunEnd::finished;
}

/// Whether the next step can be planned now: as many may be open, or one more, where nothing that
/// it needs depends on the tokens of the newest one.
bool Engine::has_room_for_plan() const {
  auto const num_open = static_cast<std::int32_t>(open_plans_.size());
  if (num_open != max_open_plans_ || executor_.needs_host() || !scheduler_.can_plan_ahead()) {
    return num_open < max_open_plans_;
  }
  auto const& entries = open_plans_.back()->entries;
  return std::all_of(entries.begin(), entries.end(), [&](PlanEntry const& entry) {
    return !entry.samples || draws_freely(sequences_[index_of(entry.sequence)]);
  });
}

void Engine::commit() {
  tell_untold();
  StepPlan const& plan = *open_plans_.front();
  Executor::Outcome const outcome = executor_.finish();
  scheduler_.commit();
  auto const timed = clock_->scope(io::Phase::schedule);
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    commit_entry(
        plan.entries[i], outcome.rows.first_row[i], outcome.rows.first_row[i + 1], outcome.tokens);
  }
  open_plans_.erase(open_plans_.begin());
}

void Engine::commit_entry(PlanEntry const& entry,
                          std::int32_t first_row,
                          std::int32_t last_row,
                          TokenResults const& results) {
  SequenceState& sequence = sequences_[index_of(entry.sequence)];
  if (sequence.end != SequenceEnd::running) {
    return;  // the step was planned ahead
  }
  std::int32_t const prompt_rows = last_row - first_row - (entry.samples ? 1 : 0);
  sequence.next_prompt_logprob += prompt_rows;
  for (std::int32_t row = first_row; client_ != nullptr && row < first_row + prompt_rows; ++row) {
    client_->on_prompt_token(sequence, {results, row});
  }
  if (!entry.samples) {
    return;
  }
  append_token(sequence, results.token(last_row - 1), spec_.eos_tokens);
  if (client_ != nullptr) {
    tell_token(entry.sequence, {results, last_row - 1});
  }
  if (sequence.end != SequenceEnd::running) {
    finish(entry.sequence);
  }
}

/// Tells the client of a sequence's new token, or notes it for later.
void Engine::tell_token(SequenceId id, TokenEvent event) {
  SequenceState const& sequence = sequences_[index_of(id)];
  bool const goes_on = sequence.end == SequenceEnd::running;
  if (goes_on && executor_.computes_apart() && !client_->may_stop(sequence)) {
    untold_.emplace_back(id, event);
  } else if (client_->on_token(sequence, event) && goes_on) {
    stopped_.push_back(id);
  }
}

void Engine::tell_untold() {
  auto const timed = clock_->scope(io::Phase::schedule);
  for (auto const& [id, event] : untold_) {
    static_cast<void>(client_->on_token(sequences_[index_of(id)], event));
  }
  untold_.clear();
}

void Engine::finish(SequenceId id) {
  SequenceState& sequence = sequences_[index_of(id)];
  if (client_ != nullptr) {
    client_->on_finished({.sequence = sequence,
                          .end = sequence.end,
                          .preemptions = scheduler_.preemptions(id),
                          .kv_blocks_peak = scheduler_.blocks_peak(id)});
  }
  scheduler_.finish(id);
}

ReplicaMessage Engine::next_message() {
  ReplicaMessage message;
  if (grid_->is_lead()) {
    message.stopped = std::exchange(stopped_, {});
    if (client_ != nullptr && scheduler_.num_waiting() == 0 && scheduler_.room() > 0) {
      auto const timed = clock_->scope(io::Phase::other);
      message.arrivals = client_->take(scheduler_.room());
    }
    message.state = agree_on(wanted_state(message));
  }
  if (grid_->replica().size() == 1) {
    return message;
  }
  auto const timed = clock_->scope(io::Phase::lock_step);
  if (grid_->is_lead()) {
    encode(message, message_bytes_);
  }
  parallel::broadcast_bytes(grid_->replica(), message_bytes_, 0);
  return grid_->is_lead() ? std::move(message) : decode(message_bytes_);
}

/// What this replica would do by itself.
RunState Engine::wanted_state(ReplicaMessage const& message) {
  if (client_ != nullptr && client_->leaves()) {
    return RunState::left;
  }
  auto const num_left =
      static_cast<std::size_t>(scheduler_.num_running() + scheduler_.num_waiting()) -
      message.stopped.size();
  bool const is_idle = num_left == 0 && message.arrivals.empty();
  return is_idle && (client_ == nullptr || client_->is_exhausted()) ? RunState::finished
                                                                    : RunState::goes_on;
}

/// What all replicas that an expert group joins do next: agreed on once for each step, though some
/// of them may have several messages before they plan it.
RunState Engine::agree_on(RunState state) {
  if (!grid_->spans_replicas()) {
    return state;
  }
  if (!agreed_) {
    auto const timed = clock_->scope(io::Phase::lock_step);
    agreed_ = static_cast<RunState>(parallel::all_reduce(
        grid_->joined_leads(), static_cast<std::int32_t>(state), parallel::ReduceOp::max));
  }
  return *agreed_;
}

void Engine::apply(ReplicaMessage&& message) {
  for (SequenceId const id : message.stopped) {
    sequences_[index_of(id)].end = SequenceEnd::stop;
    finish(id);
  }
  for (SequenceInput& input : message.arrivals) {
    add(std::move(input));
  }
}

void Engine::add(SequenceInput&& input) {
  auto const num_drawn = static_cast<std::int32_t>(input.drawn.size());
  newest_ =
      scheduler_.add({.prompt_tokens = static_cast<std::int32_t>(input.prompt.size()) + num_drawn,
                      .max_tokens = input.max_tokens - num_drawn,
                      .shares_prompt_with = sibling_of(input)});
  sequences_[index_of(newest_)] = start_sequence(std::move(input));
}

std::optional<SequenceId> Engine::sibling_of(SequenceInput const& input) const {
  if (input.sample == 0 || input.prompt_logprobs >= 0) {
    return std::nullopt;  // the rows of the prompt are needed, so all of it is computed
  }
  if (!input.drawn.empty()) {
    return std::nullopt;  // what it has to compute is more than the prompt
  }
  auto const is_sibling = [&](SequenceId id) {
    SequenceInput const& other = sequences_[index_of(id)].input;
    return scheduler_.is_live(id) && other.number == input.number && other.prompt == input.prompt &&
           other.drawn.empty();
  };
  if (is_sibling(newest_)) {
    return newest_;
  }
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    if (SequenceId const id{static_cast<std::int32_t>(i)}; is_sibling(id)) {
      return id;
    }
  }
  return std::nullopt;
}

void Engine::tell_client(StepPlan const& plan) {
  if (client_ == nullptr) {
    return;
  }
  for (Preemption const& preemption : plan.preemptions) {
    client_->on_preempted(sequences_[index_of(preemption.sequence)], preemption);
  }
  for (SequenceId const id : plan.admitted) {
    client_->on_admitted(sequences_[index_of(id)]);
  }
}

}  // namespace talus::runtime
