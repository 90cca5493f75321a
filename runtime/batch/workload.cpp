// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/workload.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <xxhash.h>

#include "parallel/collectives.hpp"
#include "parallel/work_queue.hpp"
#include "runtime/engine/wire.hpp"
#include "runtime/model/weights.hpp"
#include "runtime/sampling/philox.hpp"

namespace talus::runtime {
namespace {

/// Feeds a replica from the queue, and keeps what comes out.
class WorkloadClient final : public EngineClient {
 public:
  WorkloadClient(Workload const& workload, parallel::WorkQueue& queue)
      : workload_{&workload},
        queue_{&queue},
        tokens_(workload.requests.size()),
        logprobs_(workload.requests.size()) {}

  std::vector<SequenceInput> take(std::int32_t /*room*/) override {
    std::vector<SequenceInput> inputs;
    next_ = queue_->take(1);
    if (!is_exhausted()) {
      inputs.push_back(workload_->requests[static_cast<std::size_t>(next_)]);
    }
    return inputs;
  }

  bool is_exhausted() override {
    return next_ >= static_cast<std::int64_t>(workload_->requests.size());
  }

  void on_admitted(SequenceState const& /*sequence*/) override {}

  void on_preempted(SequenceState const& /*sequence*/, Preemption const& /*lost*/) override {
    ++preemptions_;
  }

  void on_prompt_token(SequenceState const& sequence, TokenEvent event) override {
    keep(sequence, event, sequence.input.prompt_logprobs);
  }

  bool on_token(SequenceState const& sequence, TokenEvent event) override {
    tokens_[number(sequence)].push_back(sequence.tokens.back());
    keep(sequence, event, sequence.input.logprobs);
    return false;
  }

  void on_finished(SequenceOutcome const& /*outcome*/) override {}

  /// What this replica did, as bytes.
  [[nodiscard]] std::vector<std::byte> to_bytes() const {
    std::vector<std::byte> bytes;
    WireWriter out{bytes};
    out.value(preemptions_);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      out.list(std::span<std::int32_t const>{tokens_[i]});
      out.list(std::span<float const>{logprobs_[i]});
    }
    return bytes;
  }

 private:
  static std::size_t number(SequenceState const& sequence) {
    return static_cast<std::size_t>(sequence.input.number);
  }

  void keep(SequenceState const& sequence, TokenEvent event, std::int32_t num_top) {
    std::vector<float>& list = logprobs_[number(sequence)];
    list.push_back(event.results.logprob(event.row));
    for (std::int32_t i = 0; i < num_top; ++i) {
      list.push_back(event.results.top(event.row, i).logprob);
    }
  }

  Workload const* workload_;
  parallel::WorkQueue* queue_;
  std::int64_t next_ = 0;
  std::int64_t preemptions_ = 0;
  std::vector<std::vector<std::int32_t>> tokens_;
  std::vector<std::vector<float>> logprobs_;
};

/// Adds one replica's results; each request was done by one of them.
void merge(std::span<std::byte const> bytes, WorkloadResult& result) {
  WireReader in{bytes};
  result.preemptions += in.value<std::int64_t>();
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
                       std::size_t num_requests) {
  std::vector<std::byte> all;
  if (grid.is_lead()) {
    WireWriter out{all};
    for (auto const& bytes : parallel::gather_bytes(grid.leads(), mine, 0)) {
      out.list(std::span<std::byte const>{bytes});
    }
  }
  parallel::broadcast_bytes(grid.world(), all, 0);
  WorkloadResult result;
  result.tokens.resize(num_requests);
  result.logprobs.resize(num_requests);
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
    workload.requests.push_back(std::move(input));
  }
  return workload;
}

WorkloadResult run_workload(MPI_Comm comm, ModelOptions const& options, Workload const& workload) {
  ModelPlan plan = plan_model(comm, options);
  std::unique_ptr<parallel::ProcessGrid> const grid = make_grid(comm, options, plan);
  io::Checkpoint const checkpoint = io::Checkpoint::open_shared(options.model, grid->world());
  io::LoadOptions load_options;
  load_options.host_memory_bytes = options.load_host_memory;
  LoadedWeights const loaded = load_weights(grid->world(),
                                            checkpoint,
                                            plan.exec,
                                            plan.spec,
                                            shard_place(*grid),
                                            plan.dtype,
                                            load_options);
  StepClock clock;
  Engine engine{plan.exec, plan.spec, *grid, loaded.weights, plan.limits, plan.scheduler, clock};
  std::vector<std::byte> mine;
  if (grid->is_lead()) {
    parallel::WorkQueue queue{grid->leads()};
    WorkloadClient client{workload, queue};
    engine.run(&client, nullptr);
    mine = client.to_bytes();
  } else {
    engine.run(nullptr, nullptr);
  }
  return collect(*grid, mine, workload.requests.size());
}

}  // namespace talus::runtime
