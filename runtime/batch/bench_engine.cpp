// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/bench_engine.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "parallel/collectives.hpp"
#include "parallel/gather_values.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/run_report.hpp"

namespace talus::runtime {
namespace {

/// Feeds a replica: at once as many requests as are its share, then as it has room.
class BenchClient final : public EngineClient {
 public:
  BenchClient(BenchRequests const& requests, parallel::WorkQueue& queue, int num_replicas)
      : requests_{&requests}, queue_{&queue}, num_replicas_{num_replicas} {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].sample == 0) {
        first_of_.push_back(i);
      }
    }
    num_requests_ = std::ssize(first_of_);
    first_of_.push_back(requests.size());
  }

  std::vector<SequenceInput> take(std::int32_t room) override {
    if (next_ == end_) {
      fetch(room);
    }
    auto const first = requests_->begin() + static_cast<std::ptrdiff_t>(next_);
    std::size_t const count = std::min(end_ - next_, static_cast<std::size_t>(room));
    next_ += count;
    return {first, first + static_cast<std::ptrdiff_t>(count)};
  }

  bool is_exhausted() override { return next_request_ >= num_requests_ && next_ == end_; }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*lost*/) override {}

  void on_prompt_token(SequenceState const& /*sequence*/, TokenEvent /*event*/) override {}

  bool on_token(SequenceState const& /*sequence*/, TokenEvent /*event*/) override {
    ++output_tokens_;
    return false;
  }

  bool may_stop(SequenceState const& /*sequence*/) override { return false; }

  void on_finished(SequenceOutcome const& outcome) override {
    bool const is_first = outcome.sequence.input.sample == 0;  // a prompt counts once
    prompt_tokens_ += is_first ? outcome.sequence.num_prompt_tokens() : 0;
  }

  [[nodiscard]] std::int64_t prompt_tokens() const noexcept { return prompt_tokens_; }

  [[nodiscard]] std::int64_t output_tokens() const noexcept { return output_tokens_; }

 private:
  void fetch(std::int32_t room) {
    std::int64_t const left = num_requests_ - next_request_;
    if (left <= 0) {
      return;
    }
    auto const samples = static_cast<std::int64_t>(requests_->front().num_samples);
    std::int64_t const fair = (left + num_replicas_ - 1) / num_replicas_;
    std::int64_t const count = std::clamp<std::int64_t>(room / samples, 1, fair);
    std::int64_t const first = std::min(queue_->take(count), num_requests_);
    next_request_ = std::min(first + count, num_requests_);
    next_ = first_of_[static_cast<std::size_t>(first)];
    end_ = first_of_[static_cast<std::size_t>(next_request_)];
  }

  BenchRequests const* requests_;
  parallel::WorkQueue* queue_;
  std::int64_t num_replicas_;
  std::vector<std::size_t> first_of_;  ///< [requests + 1] its first sequence
  std::int64_t num_requests_ = 0;
  std::int64_t next_request_ = 0;  ///< first one that nobody may have taken
  std::size_t next_ = 0;           ///< sequences of the requests taken that are left
  std::size_t end_ = 0;
  std::int64_t prompt_tokens_ = 0;
  std::int64_t output_tokens_ = 0;
};

/// Sums of all ranks' totals, on rank 0.
BenchTotals sum_over_ranks(parallel::ProcessGrid const& grid, BenchTotals const& mine) {
  BenchTotals sum;
  for (BenchTotals const& one : parallel::gather_values<BenchTotals>(grid.world(), {&mine, 1})) {
    sum.add(one);
  }
  return sum;
}

}  // namespace

BenchEngine::BenchEngine(MPI_Comm comm, ModelOptions const& options, Reporter& reporter)
    : plan_{plan_model(comm, options)}, reporter_{&reporter} {
  clock_.watch(options.calls);
  grid_ = make_grid(comm, options, plan_);
  report_plan(*grid_, plan_, options, reporter);
  model_ = load_model(*grid_, plan_, options);
  if (grid_->world().rank() == 0) {
    reporter.info(model_.report);
  }
  costs_.emplace(plan_.spec, shard_place(*grid_), model_.weights, plan_.limits.kv_dtype);
  traffic_ = std::make_unique<GridTraffic>(plan_.exec, *grid_, plan_.comm);
  engine_ = std::make_unique<Engine>(
      *traffic_, plan_.spec, model_.weights, plan_.limits, plan_.scheduler, clock_);
}

BenchEngine::~BenchEngine() = default;

void BenchEngine::check(BenchRequests const& requests) const {
  for (SequenceInput const& input : requests) {
    std::int64_t const length = std::ssize(input.prompt) + input.max_tokens;
    if (length > plan_.max_model_len) {
      throw ConfigError{concat("request of ",
                               input.prompt.size(),
                               " prompt and ",
                               input.max_tokens,
                               " output tokens: ",
                               length,
                               " (--max-model-len is ",
                               plan_.max_model_len,
                               ')')};
    }
  }
}

BenchRun BenchEngine::run(BenchRequests const& requests) {
  check(requests);
  BenchRun run;
  BenchSteps steps{*costs_, clock_};
  std::optional<parallel::WorkQueue> queue;
  std::optional<BenchClient> client;
  if (grid_->is_lead()) {
    queue.emplace(grid_->leads());
    client.emplace(requests, *queue, grid_->shape().dp);
  }
  parallel::barrier(grid_->world());
  auto const start = std::chrono::steady_clock::now();
  steps.start();
  engine_->run(client ? &*client : nullptr, &steps);
  run.rank = steps.finish();
  parallel::barrier(grid_->world());
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report_recordings(*engine_, grid_->world().rank(), *reporter_);
  run.job = sum_over_ranks(*grid_, run.rank);
  std::array<std::int64_t, 2> counts{client ? client->prompt_tokens() : 0,
                                     client ? client->output_tokens() : 0};
  parallel::all_reduce(grid_->world(), std::span<std::int64_t>{counts}, parallel::ReduceOp::sum);
  run.prompt_tokens = counts[0];
  run.output_tokens = counts[1];
  return run;
}

}  // namespace talus::runtime
