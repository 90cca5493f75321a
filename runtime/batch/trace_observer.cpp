// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/trace_observer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "io/files/open_file.hpp"
#include "io/trace/master_file.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

std::vector<int> moe_layers_of(ModelSpec const& spec, Range layers) {
  std::vector<int> numbers;
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    if (spec.layers[static_cast<std::size_t>(i)].feed_forward.moe) {
      numbers.push_back(static_cast<int>(i));
    }
  }
  return numbers;
}

int num_experts_of(ModelSpec const& spec) {
  std::int64_t most = 0;
  for (LayerSpec const& layer : spec.layers) {
    if (layer.feed_forward.moe) {
      most = std::max(most, layer.feed_forward.moe->num_experts);
    }
  }
  return static_cast<int>(most);
}

/// Between two looks at the tokens of the experts: a device brings their numbers when it has done
/// what is queued, so that a look at each step would keep steps from being planned ahead.
constexpr double routed_interval_s = 1.0;

io::RequestEnd end_of(SequenceEnd end) {
  return end == SequenceEnd::length ? io::RequestEnd::length : io::RequestEnd::stop;
}

}  // namespace

TraceObserver::TraceObserver(parallel::ProcessGrid const& grid,
                             ModelPlan const& plan,
                             StepClock& clock)
    : grid_{&grid},
      clock_{&clock},
      spec_{plan.spec},
      budget_{plan.budget},
      moe_layers_{moe_layers_of(plan.spec, layers_of(plan.spec, shard_place(grid)))},
      num_experts_{num_experts_of(plan.spec)},
      epoch_{RequestTimes::Clock::now()} {
  std::string const host = parallel::host_name();
  host.copy(summary_.host.data(), summary_.host.size() - 1);
}

void TraceObserver::agree_on_epoch() {
  // One zero of time for all ranks: rank 0's clock. On one host steady clocks agree; between hosts
  // the barrier brings them together to some microseconds of a message.
  parallel::barrier(grid_->world());
  epoch_ = RequestTimes::Clock::now();
  auto const unix_time = std::chrono::system_clock::now().time_since_epoch();
  epoch_unix_s_ = std::chrono::duration<double>(unix_time).count();
  parallel::broadcast(grid_->world(), std::span<double>{&epoch_unix_s_, 1}, 0);
}

io::RunInfo TraceObserver::run_info(TraceLabels const& labels) const {
  parallel::GridShape const& shape = grid_->shape();
  parallel::GridCoord const here = grid_->here();
  parallel::Placement const placement = parallel::local_placement(*grid_);
  io::RunInfo info;
  info.world_size = grid_->world().size();
  info.rank = grid_->world().rank();
  info.data_parallel_size = shape.dp;
  info.pipeline_parallel_size = shape.pp;
  info.tensor_parallel_size = shape.tp;
  info.expert_parallel_size = shape.ep;
  info.data_parallel_rank = here.dp;
  info.pipeline_parallel_rank = here.pp;
  info.tensor_parallel_rank = here.tp;
  info.expert_parallel_rank = here.ep;
  info.host = placement.host;
  info.device = "cores " + parallel::format_ranges(placement.cores);
  info.epoch_unix_s = epoch_unix_s_;
  info.options = labels.options;
  info.model = {{"directory", labels.model},
                {"family", spec_.family},
                {"architecture", spec_.architecture},
                {"layers", std::to_string(spec_.layers.size())},
                {"hidden_size", std::to_string(spec_.hidden)},
                {"vocab_size", std::to_string(spec_.vocab)}};
  info.versions = labels.versions;
  info.moe_layers = moe_layers_;
  info.num_experts = num_experts_;
  return info;
}

void TraceObserver::open(std::filesystem::path const& folder, TraceLabels const& labels) {
  agree_on_epoch();
  parallel::Communicator const& world = grid_->world();
  parallel::run_and_agree(world, [&] {
    if (world.rank() != 0) {
      return;
    }
    io::files::check_link(folder);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      throw ConfigError{concat("--trace: ", folder.string(), " (", error.message(), ')')};
    }
    std::vector<std::vector<int>> layers;
    for (int rank = 0; rank < world.size(); ++rank) {
      ShardPlace place = shard_place(*grid_);
      place.pp_rank = parallel::coord_of(grid_->shape(), rank).pp;
      layers.push_back(moe_layers_of(spec_, layers_of(spec_, place)));
    }
    io::write_master(folder, layers, num_experts_);
  });
  io::TraceOptions const options{.calls = world.calls().log()};
  parallel::run_and_agree(world, [&] {
    writer_ = std::make_unique<io::TraceWriter>(
        folder / io::rank_file_name(world.rank()), run_info(labels), options);
  });
  constexpr double patience_s = 1.0;
  last_flush_ = {options.calls, [this] { writer_->flush(patience_s); }};
}

double TraceObserver::since_epoch(RequestTimes::Clock::time_point time) const {
  return std::chrono::duration<double>(time - epoch_).count();
}

double TraceObserver::now() const {
  return since_epoch(RequestTimes::Clock::now());
}

void TraceObserver::on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) {
  StepClock::Seconds const phases = clock_->take();
  StepClock::Arrivals const arrivals = clock_->take_arrivals();
  StepClock::DeviceSeconds const device = clock_->take_device();
  summary_.add(phases);
  summary_.add(arrivals);
  ++summary_.steps;
  summary_.prefill_tokens += plan.num_prefill_tokens;
  summary_.decode_tokens += plan.num_decode_tokens;
  summary_.preemptions += static_cast<std::int64_t>(plan.preemptions.size());
  std::int64_t tokens_lost = 0;
  for (Preemption const& preemption : plan.preemptions) {
    tokens_lost += preemption.tokens_lost;
  }
  summary_.tokens_lost += tokens_lost;
  blocks_allocated_ += plan.new_blocks;
  last_step_ = plan.step;
  StepClock::Bytes const bytes = clock_->take_bytes();
  if (!writer_) {
    return;
  }
  KvUse const use = scheduler.kv_use();
  std::int64_t const block_bytes = budget_.kv_token_bytes * budget_.block_tokens;
  io::StepRecord record;
  record.step = plan.step;
  record.micro_batch = static_cast<std::int32_t>(plan.step % grid_->shape().pp);
  double const end = now();
  record.t_begin = last_step_end_;
  record.duration = end - last_step_end_;
  last_step_end_ = end;
  record.phase_s = phases;
  record.bytes_sent = bytes;
  record.tensor_parallel_wait_s = arrivals.sum_wait_s;
  record.expert_wait_s = arrivals.expert_wait_s;
  record.device_busy_s = device.busy_s;
  record.device_idle_s = device.idle_s;
  record.num_sums = arrivals.num_sums;
  record.num_sums_last = arrivals.num_sums_last;
  record.num_prefill_tokens = plan.num_prefill_tokens;
  record.num_decode_tokens = plan.num_decode_tokens;
  record.num_sequences = static_cast<std::int32_t>(plan.entries.size());
  record.num_waiting = scheduler.num_waiting();
  record.tokens_per_block = static_cast<std::int32_t>(budget_.block_tokens);
  record.max_num_blocks = budget_.num_blocks;
  record.used_num_blocks = use.used_blocks;
  record.free_num_blocks = use.free_blocks;
  record.alloc_new_blocks = plan.new_blocks;
  record.alloc_total_blocks = blocks_allocated_;
  record.kv_used_bytes = static_cast<std::uint64_t>(use.used_blocks * block_bytes);
  record.kv_free_bytes = static_cast<std::uint64_t>(use.free_blocks * block_bytes);
  record.kv_reserved_empty_bytes =
      static_cast<std::uint64_t>(use.reserved_empty_tokens * budget_.kv_token_bytes);
  record.num_preemptions = static_cast<std::int32_t>(plan.preemptions.size());
  record.preempted_tokens = tokens_lost;
  record.num_recomputed_tokens = plan.num_recomputed_tokens;
  record_step(record, decoder.wants_most_routed());
  if (end - last_routed_ >= routed_interval_s) {
    record_experts(decoder);
    last_routed_ = end;
  }
}

/// \param may_grow  a device counts what it sends to other ranks, and may yet have to say so of the
///                  last step
void TraceObserver::record_step(io::StepRecord const& record, bool may_grow) {
  if (auto const before = std::exchange(held_, std::nullopt)) {
    writer_->record(*before);
  }
  if (may_grow) {
    held_ = record;
  } else {
    writer_->record(record);
  }
}

void TraceObserver::on_run_end(Decoder& decoder) {
  if (!writer_) {
    return;
  }
  record_experts(decoder);
  if (held_) {
    StepClock::Bytes const late = clock_->take_bytes();
    std::transform(late.begin(),
                   late.end(),
                   held_->bytes_sent.begin(),
                   held_->bytes_sent.begin(),
                   std::plus{});
    record_step(*std::exchange(held_, std::nullopt), false);
  }
}

void TraceObserver::record_experts(Decoder& decoder) {
  if (moe_layers_.empty()) {
    return;
  }
  decoder.take_routed(routed_);
  auto const experts = static_cast<std::size_t>(num_experts_);
  routed_layer_.resize(experts);
  for (std::size_t layer = 0; layer < moe_layers_.size(); ++layer) {
    std::transform(routed_.begin() + static_cast<std::ptrdiff_t>(layer * experts),
                   routed_.begin() + static_cast<std::ptrdiff_t>((layer + 1) * experts),
                   routed_layer_.begin(),
                   [](std::int64_t count) { return static_cast<std::int32_t>(count); });
    writer_->count_expert_tokens(layer, routed_layer_);
  }
}

void TraceObserver::on_finished(Completion const& completion, SequenceOutcome const& outcome) {
  if (!writer_) {
    return;
  }
  RequestTimes const& times = completion.times;
  auto const seconds = [&](std::optional<RequestTimes::Clock::time_point> const& time) {
    return time ? since_epoch(*time) : std::numeric_limits<double>::quiet_NaN();
  };
  io::RequestRecord record;
  record.index = outcome.sequence.input.number;
  record.custom_id = io::CustomId{completion.request().custom_id};
  record.replica = grid_->here().dp;
  record.arrival = since_epoch(times.arrival);
  record.scheduled = seconds(times.scheduled);
  record.first_token = seconds(times.first_token);
  record.finish = now();
  record.preemption_time = times.preemption_time.count();
  record.num_prompt_tokens = outcome.sequence.num_prompt_tokens();
  record.num_output_tokens = outcome.sequence.num_output_tokens();
  record.num_restarts = outcome.preemptions;
  record.recomputed_tokens = times.tokens_lost;
  record.finish_reason = end_of(outcome.end);
  writer_->record(record);
}

void TraceObserver::on_preempted(SequenceState const& sequence, Preemption const& preemption) {
  if (!writer_) {
    return;
  }
  io::PreemptionRecord record;
  record.t = now();
  record.step = last_step_ + 1;
  record.request = sequence.input.number;
  record.num_restarts = preemption.num_restarts;
  record.tokens_lost = preemption.tokens_lost;
  record.blocks_freed = preemption.blocks_freed;
  record.free_num_blocks = preemption.free_blocks;
  writer_->record(record);
}

void TraceObserver::close() {
  if (writer_) {
    last_flush_ = {};
    writer_->close();
  }
}

std::string TraceObserver::trouble() const {
  if (!writer_) {
    return {};
  }
  if (std::string const error = writer_->error(); !error.empty()) {
    return error;
  }
  io::DroppedCounts const dropped = writer_->dropped();
  if (dropped == io::DroppedCounts{}) {
    return {};
  }
  return concat("the trace lacks ",
                dropped.steps,
                " steps, ",
                dropped.requests,
                " requests, ",
                dropped.preemptions,
                " preemptions (the disk was too slow)");
}

}  // namespace talus::runtime
