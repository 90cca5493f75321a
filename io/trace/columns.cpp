// SPDX-License-Identifier: Apache-2.0
#include "io/trace/columns.hpp"

#include <array>
#include <limits>

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using enum ColumnType;

// In the order of Phase.
constexpr std::array<std::string_view, num_phases> phase_meanings{
    "planning the step: scheduler and KV blocks",
    "embedding of the tokens",
    "attention with its projections; norms before it are in other_time",
    "dense feed-forward and shared experts; norms before them are in other_time",
    "choosing the experts",
    "sending tokens to the ranks of their experts, waiting included",
    "the routed experts' matmuls",
    "bringing the experts' outputs back, waiting included",
    "sums over the tensor-parallel group, waiting included",
    "gathering logits and other slices, waiting included",
    "replaying what a device recorded of all layers",
    "replaying what a device recorded of all layers, last norm, logits and the choice of tokens",
    "waiting for the previous pipeline stage",
    "sending to the next pipeline stage",
    "last norm and logits",
    "choosing the next tokens",
    "telling the replica's ranks the tokens, waiting included",
    "waiting for other replicas of the expert group",
    "nothing to run",
    "everything else",
};

// In the order of Traffic.
constexpr std::array<std::string_view, num_traffic_kinds> traffic_meanings{
    "sums over the tensor-parallel group",
    "gathered logits and other slices",
    "tokens to their experts",
    "the experts' outputs back",
    "activations to the next pipeline stage",
    "sampled tokens and control",
};

std::vector<Column> step_columns_of_time() {
  std::vector<Column> columns{
      {"rank", int32, "1", "rank in the job; -1: no row", offsetof(StepRow, rank)},
      {"step",
       int64,
       "1",
       "number of the step, from 0 in each replica",
       offsetof(StepRow, record.step)},
      {"micro_batch",
       int32,
       "1",
       "which micro-batch in flight",
       offsetof(StepRow, record.micro_batch)},
      {"t_begin", float64, "s", "begin, since the epoch", offsetof(StepRow, record.t_begin)},
      {"duration",
       float64,
       "s",
       "from begin to end on this rank",
       offsetof(StepRow, record.duration)},
  };
  for (std::size_t i = 0; i < num_phases; ++i) {
    columns.push_back({concat(to_string(static_cast<Phase>(i)), "_time"),
                       float32,
                       "s",
                       std::string{phase_meanings[i]},
                       offsetof(StepRow, record.phase_s) + i * sizeof(float)});
  }
  columns.insert(columns.end(),
                 {{"tensor_parallel_wait_time",
                   float32,
                   "s",
                   "of tensor_parallel_sum_time: waiting for others' partial sums",
                   offsetof(StepRow, record.tensor_parallel_wait_s)},
                  {"expert_wait_time",
                   float32,
                   "s",
                   "of expert_dispatch_time: until all ranks had come to it",
                   offsetof(StepRow, record.expert_wait_s)},
                  {"device_busy_time",
                   float32,
                   "s",
                   "of a device: at the steps that it has done since the row before",
                   offsetof(StepRow, record.device_busy_s)},
                  {"device_idle_time",
                   float32,
                   "s",
                   "of a device: between these steps",
                   offsetof(StepRow, record.device_idle_s)},
                  {"num_tensor_parallel_sums",
                   int32,
                   "1",
                   "sums over the tensor-parallel group",
                   offsetof(StepRow, record.num_sums)},
                  {"num_tensor_parallel_sums_last",
                   int32,
                   "1",
                   "of these, in which this rank came last: all others' partial sums were there",
                   offsetof(StepRow, record.num_sums_last)}});
  for (std::size_t i = 0; i < num_traffic_kinds; ++i) {
    columns.push_back({concat(to_string(static_cast<Traffic>(i)), "_bytes_sent"),
                       uint64,
                       "bytes",
                       concat("sent: ", traffic_meanings[i]),
                       offsetof(StepRow, record.bytes_sent) + i * sizeof(std::uint64_t)});
  }
  return columns;
}

std::vector<Column> step_columns_of_batch() {
  return {
      {"num_prefill_tokens",
       int32,
       "tokens",
       "prompt tokens in the batch, recomputed ones included",
       offsetof(StepRow, record.num_prefill_tokens)},
      {"num_decode_tokens",
       int32,
       "tokens",
       "generated tokens in the batch",
       offsetof(StepRow, record.num_decode_tokens)},
      {"num_recomputed_tokens",
       int32,
       "tokens",
       "prefill tokens computed before and lost by preemption",
       offsetof(StepRow, record.num_recomputed_tokens)},
      {"num_active_requests",
       int32,
       "requests",
       "sequences in the batch",
       offsetof(StepRow, record.num_sequences)},
      {"num_waiting_requests",
       int32,
       "requests",
       "admitted to the replica, not running",
       offsetof(StepRow, record.num_waiting)},
  };
}

std::vector<Column> step_columns_of_kv() {
  return {
      {"tokens_per_block",
       int32,
       "tokens",
       "size of a KV block",
       offsetof(StepRow, record.tokens_per_block)},
      {"max_num_blocks",
       int64,
       "blocks",
       "KV blocks there are",
       offsetof(StepRow, record.max_num_blocks)},
      {"used_num_blocks", int64, "blocks", "in use", offsetof(StepRow, record.used_num_blocks)},
      {"free_num_blocks", int64, "blocks", "free", offsetof(StepRow, record.free_num_blocks)},
      {"alloc_new_blocks",
       int64,
       "blocks",
       "allocated in this step",
       offsetof(StepRow, record.alloc_new_blocks)},
      {"alloc_total_blocks",
       int64,
       "blocks",
       "allocated since the start",
       offsetof(StepRow, record.alloc_total_blocks)},
      {"kv_used_bytes",
       uint64,
       "bytes",
       "of the blocks in use, their empty places included",
       offsetof(StepRow, record.kv_used_bytes)},
      {"kv_free_bytes",
       uint64,
       "bytes",
       "of the free blocks",
       offsetof(StepRow, record.kv_free_bytes)},
      {"kv_reserved_empty_bytes",
       uint64,
       "bytes",
       "in blocks in use but without a token (fragmentation)",
       offsetof(StepRow, record.kv_reserved_empty_bytes)},
      {"num_preemptions",
       int32,
       "requests",
       "preempted in this step",
       offsetof(StepRow, record.num_preemptions)},
      {"preempted_tokens",
       int64,
       "tokens",
       "whose KV was lost by that, to be computed again",
       offsetof(StepRow, record.preempted_tokens)},
  };
}

std::vector<Column> request_columns_of_record() {
  constexpr std::size_t custom_id = offsetof(RequestRow, record.custom_id);
  return {
      {"rank", int32, "1", "rank that recorded it; -1: no row", offsetof(RequestRow, rank)},
      {"index", int64, "1", "line of the input, from 0", offsetof(RequestRow, record.index)},
      {"custom_id",
       string64,
       "1",
       "first 64 bytes of the caller's id",
       custom_id + offsetof(CustomId, text)},
      {"custom_id_hash",
       uint64,
       "1",
       "64-bit FNV-1a hash of the whole id",
       custom_id + offsetof(CustomId, hash)},
      {"replica", int32, "1", "that ran it", offsetof(RequestRow, record.replica)},
      {"arrived_at",
       float64,
       "s",
       "read from the input, since the epoch",
       offsetof(RequestRow, record.arrival)},
      {"scheduled_at",
       float64,
       "s",
       "first put in a batch",
       offsetof(RequestRow, record.scheduled)},
      {"first_token_at",
       float64,
       "s",
       "first token sampled",
       offsetof(RequestRow, record.first_token)},
      {"completed_at", float64, "s", "last token sampled", offsetof(RequestRow, record.finish)},
      {"preemption_time",
       float64,
       "s",
       "spent preempted",
       offsetof(RequestRow, record.preemption_time)},
      {"num_prompt_tokens",
       int32,
       "tokens",
       "of the prompt",
       offsetof(RequestRow, record.num_prompt_tokens)},
      {"num_output_tokens",
       int32,
       "tokens",
       "generated",
       offsetof(RequestRow, record.num_output_tokens)},
      {"num_restarts", int32, "1", "times preempted", offsetof(RequestRow, record.num_restarts)},
      {"recomputed_tokens",
       int64,
       "tokens",
       "computed again because of that",
       offsetof(RequestRow, record.recomputed_tokens)},
      {"finish_reason",
       finish_reason,
       "1",
       "0 stop, 1 length, 2 error, 3 abort",
       offsetof(RequestRow, record.finish_reason)},
  };
}

}  // namespace

std::string_view to_string(ColumnType type) noexcept {
  constexpr std::array<std::string_view, 7> names{
      "int32", "int64", "uint64", "float32", "float64", "string64", "finish_reason"};
  return names[static_cast<std::size_t>(type)];
}

StepRow to_row(std::int32_t rank, StepRecord const& record) noexcept {
  return {rank, record};
}

RequestRow to_row(std::int32_t rank, RequestRecord const& record) noexcept {
  double const tpot = record.num_output_tokens > 1
                          ? (record.finish - record.first_token) / (record.num_output_tokens - 1)
                          : std::numeric_limits<double>::quiet_NaN();
  return {rank,
          record,
          record.scheduled - record.arrival,
          record.first_token - record.arrival,
          tpot,
          record.finish - record.arrival};
}

PreemptionRow to_row(std::int32_t rank, PreemptionRecord const& record) noexcept {
  return {rank, record};
}

TableSchema steps_schema() {
  TableSchema schema{"/steps", step_columns_of_time(), sizeof(StepRow)};
  for (auto const& more : {step_columns_of_batch(), step_columns_of_kv()}) {
    schema.columns.insert(schema.columns.end(), more.begin(), more.end());
  }
  return schema;
}

TableSchema requests_schema() {
  TableSchema schema{"/requests", request_columns_of_record(), sizeof(RequestRow)};
  schema.columns.insert(
      schema.columns.end(),
      {{"scheduling_delay",
        float64,
        "s",
        "scheduled_at - arrived_at",
        offsetof(RequestRow, scheduling_delay)},
       {"ttft", float64, "s", "first_token_at - arrived_at", offsetof(RequestRow, ttft)},
       {"tpot",
        float64,
        "s",
        "(completed_at - first_token_at) / (num_output_tokens - 1); NaN below 2 tokens",
        offsetof(RequestRow, tpot)},
       {"e2e_latency",
        float64,
        "s",
        "completed_at - arrived_at",
        offsetof(RequestRow, e2e_latency)}});
  return schema;
}

TableSchema preemptions_schema() {
  return {"/preemptions",
          {{"rank", int32, "1", "rank that recorded it; -1: no row", offsetof(PreemptionRow, rank)},
           {"t", float64, "s", "when, since the epoch", offsetof(PreemptionRow, record.t)},
           {"step",
            int64,
            "1",
            "step of the replica that it happened in",
            offsetof(PreemptionRow, record.step)},
           {"request", int64, "1", "index of the request", offsetof(PreemptionRow, record.request)},
           {"num_restarts",
            int32,
            "1",
            "times this request was preempted, with this one",
            offsetof(PreemptionRow, record.num_restarts)},
           {"tokens_lost",
            int64,
            "tokens",
            "whose KV went",
            offsetof(PreemptionRow, record.tokens_lost)},
           {"blocks_freed",
            int64,
            "blocks",
            "given back",
            offsetof(PreemptionRow, record.blocks_freed)},
           {"free_num_blocks",
            int64,
            "blocks",
            "free afterwards",
            offsetof(PreemptionRow, record.free_num_blocks)}},
          sizeof(PreemptionRow)};
}

TableSchema expert_intervals_schema() {
  return {"/experts/intervals",
          {{"rank", int32, "1", "rank that counted; -1: no row", offsetof(ExpertIntervalRow, rank)},
           {"t_begin",
            float64,
            "s",
            "begin of the interval, since the epoch",
            offsetof(ExpertIntervalRow, t_begin)},
           {"t_end", float64, "s", "its end", offsetof(ExpertIntervalRow, t_end)}},
          sizeof(ExpertIntervalRow)};
}

}  // namespace talus::io
