// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/workload.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <xxhash.h>

#include "parallel/collectives.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/engine/wire.hpp"
#include "runtime/sampling/philox.hpp"

namespace talus::runtime {
namespace {

/// Feeds a replica from the queue, and keeps what comes out.
class WorkloadClient final : public EngineClient {
 public:
  WorkloadClient(Workload const& workload, parallel::WorkQueue& queue)
      : workload_{&workload},
        queue_{&queue},
        tokens_(workload.sequences.size()),
        logprobs_(workload.sequences.size()) {
    for (std::size_t i = 0; i < workload.sequences.size(); ++i) {
      if (workload.sequences[i].sample == 0) {
        first_of_.push_back(i);
      }
    }
    first_of_.push_back(workload.sequences.size());
  }

  std::vector<SequenceInput> take(std::int32_t room) override {
    if (next_ == end_) {
      std::int64_t const request = queue_->take(1);
      queue_is_empty_ = request >= std::ssize(first_of_) - 1;
      if (queue_is_empty_) {
        return {};
      }
      next_ = first_of_[static_cast<std::size_t>(request)];
      end_ = first_of_[static_cast<std::size_t>(request) + 1];
    }
    auto const first = workload_->sequences.begin() + static_cast<std::ptrdiff_t>(next_);
    auto const count = std::min<std::size_t>(end_ - next_, static_cast<std::size_t>(room));
    next_ += count;
    return {first, first + static_cast<std::ptrdiff_t>(count)};
  }

  bool is_exhausted() override { return queue_is_empty_ && next_ == end_; }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*lost*/) override {
    ++preemptions_;
  }

  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override {
    keep(sequence, event, sequence.input.prompt_logprobs);
  }

  bool on_token(SequenceState const& sequence, TokenEvent event) override {
    tokens_[place_of(sequence)].push_back(sequence.tokens.back());
    keep(sequence, event, sequence.input.logprobs);
    return false;
  }

  bool may_stop(SequenceState const& /*sequence*/) override { return false; }

  void on_finished(SequenceOutcome const& /*outcome*/) override {}

  /// What this replica did, as bytes.
  [[nodiscard]] std::vector<std::byte> to_bytes(std::int64_t computed_tokens) const {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};
    out.value(preemptions_);
    out.value(computed_tokens);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      out.list(std::span<std::int32_t const>{tokens_[i]});
      out.list(std::span<float const>{logprobs_[i]});
    }
    return bytes;
  }

 private:
  [[nodiscard]] std::size_t place_of(SequenceState const& sequence) const {
    return first_of_[static_cast<std::size_t>(sequence.input.number)] + sequence.input.sample;
  }

  void keep(SequenceState const& sequence, TokenEvent event, std::int32_t num_top) {
    std::vector<float>& list = logprobs_[place_of(sequence)];
    list.push_back(event.results.logprob(event.row));
    for (std::int32_t i = 0; i < num_top; ++i) {
      list.push_back(event.results.top(event.row, i).logprob);
    }
  }

  Workload const* workload_;
  parallel::WorkQueue* queue_;
  std::vector<std::size_t> first_of_;  ///< [requests + 1] its first sequence
  std::size_t next_ = 0;               ///< sequences of the last request taken that are left
  std::size_t end_ = 0;
  bool queue_is_empty_ = false;
  std::int64_t preemptions_ = 0;
  std::vector<std::vector<std::int32_t>> tokens_;
  std::vector<std::vector<float>> logprobs_;
};

/// Counts what goes through the layers.
class TokenCounter final : public StepObserver {
 public:
  void on_step(StepPlan const& plan,
               Scheduler const& /*scheduler*/,
               Decoder& /*decoder*/) override {
    num_tokens_ += plan.num_tokens();
  }

  [[nodiscard]] std::int64_t num_tokens() const noexcept { return num_tokens_; }

 private:
  std::int64_t num_tokens_ = 0;
};

/// Adds one replica's results; each sequence was done by one of them.
void merge(std::span<std::byte const> bytes, WorkloadResult& result) {
  WireReader in{bytes};
  result.preemptions += in.value<std::int64_t>();
  result.computed_tokens += in.value<std::int64_t>();
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    if (auto tokens = in.list<std::int32_t>(); !tokens.empty()) {
      result.tokens[i] = std::move(tokens);
    }
    if (auto logprobs = in.list<float>(); !logprobs.empty()) {
      result.logprobs[i] = std::move(logprobs);
    }
  }
}

WorkloadResult collect(parallel::ProcessGrid const& grid,
                       std::vector<std::byte> const& mine,
                       std::size_t num_sequences) {
  std::vector<std::byte> all;
  if (grid.is_lead()) {
    WireWriter out{all};
    for (auto const& bytes : parallel::gather_bytes(grid.leads(), mine, 0)) {
      out.list(std::span<std::byte const>{bytes});
    }
  }
  parallel::broadcast_bytes(grid.world(), all, 0);
  WorkloadResult result;
  result.tokens.resize(num_sequences);
  result.logprobs.resize(num_sequences);
  WireReader in{all};
  for (int replica = 0; replica < grid.shape().dp; ++replica) {
    merge(in.list<std::byte>(), result);
  }
  return result;
}

template <class T>
std::uint64_t hash_of(std::vector<std::vector<T>> const& lists) {
  std::vector<std::byte> bytes;
  WireWriter out{bytes};
  for (auto const& list : lists) {
    out.list(std::span<T const>{list});
  }
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace

std::uint64_t WorkloadResult::token_hash() const {
  return hash_of(tokens);
}

std::uint64_t WorkloadResult::logprob_hash() const {
  return hash_of(logprobs);
}

Workload make_workload(ModelSpec const& spec,
                       std::int32_t num_requests,
                       std::int32_t longest_prompt,
                       std::int32_t max_tokens,
                       std::uint64_t seed) {
  Workload workload;
  for (std::int32_t i = 0; i < num_requests; ++i) {
    auto const draw = [&](std::uint32_t position, std::int64_t below) {
      float const u = uniform({.seed = seed,
                               .request = static_cast<std::uint64_t>(i),
                               .sample = 1,
                               .position = position});
      return static_cast<std::int32_t>(u * static_cast<float>(below));
    };
    SequenceInput input;
    input.number = i;
    input.key = static_cast<std::uint64_t>(i);
    input.seed = seed;
    auto const length = static_cast<std::uint32_t>(1 + draw(0, longest_prompt));
    for (std::uint32_t p = 1; p <= length; ++p) {
      input.prompt.push_back(draw(p, spec.vocab));
    }
    input.max_tokens = max_tokens;
    input.ignore_eos = true;
    bool const is_greedy = i % 2 == 0;
    input.rule = {.temperature = is_greedy ? 0.0F : 0.8F,
                  .top_k = i % 3 == 0 ? 20 : 0,
                  .top_p = i % 4 == 1 ? 0.9F : 1.0F,
                  .min_p = i % 5 == 1 ? 0.02F : 0.0F,
                  .uniform = 0.0F};
    input.logprobs = i % 3;
    input.prompt_logprobs = i % 4 == 0 ? 1 : -1;
    input.num_samples = i % 3 == 1 ? 3 : 1;
    for (input.sample = 0; input.sample < input.num_samples; ++input.sample) {
      workload.sequences.push_back(input);
      input.prompt_logprobs = -1;  // the first sample tells them
    }
  }
  return workload;
}

WorkloadResult run_workload(MPI_Comm comm, ModelOptions const& options, Workload const& workload) {
  ModelPlan plan = plan_model(comm, options);
  std::unique_ptr<parallel::ProcessGrid> const grid = make_grid(comm, options, plan);
  LoadedModel const loaded = load_model(*grid, plan, options);
  StepClock clock;
  clock.watch(options.calls);
  GridTraffic traffic{plan.exec, *grid, plan.comm};
  Engine engine{traffic, plan.spec, loaded.weights, plan.limits, plan.scheduler, clock};
  std::vector<std::byte> mine;
  if (grid->is_lead()) {
    parallel::WorkQueue queue{grid->leads()};
    WorkloadClient client{workload, queue};
    TokenCounter counter;
    engine.run(&client, &counter);
    mine = client.to_bytes(counter.num_tokens());
  } else {
    engine.run(nullptr, nullptr);
  }
  return collect(*grid, mine, workload.sequences.size());
}

}  // namespace talus::runtime
