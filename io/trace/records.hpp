// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

/// \file
/// What an engine tells the trace: plain values in SI units, tokens and bytes. Times are seconds
/// since the trace's epoch (RunInfo::epoch_unix_s). README.md of this folder has the columns made
/// of them.

namespace talus::io {

/// The parts that the time of a step is cut into; they don't overlap.
enum class Phase : std::uint8_t {
  schedule,
  embed,
  attention,
  feed_forward,
  moe_route,
  expert_dispatch,
  expert_compute,
  expert_combine,
  tensor_parallel_sum,
  gather,
  recorded_layers,
  recorded_step,
  wait_previous_stage,
  send_next_stage,
  lm_head,
  sampling,
  token_broadcast,
  lock_step,
  idle,
  other,
};

/// Number of values of Phase.
inline constexpr std::size_t num_phases = static_cast<std::size_t>(Phase::other) + 1;

/// The kinds of messages whose bytes are counted.
enum class Traffic : std::uint8_t {
  tensor_parallel_sum,
  gather,
  expert_dispatch,
  expert_combine,
  next_stage,
  token_broadcast,
};

/// Number of values of Traffic.
inline constexpr std::size_t num_traffic_kinds =
    static_cast<std::size_t>(Traffic::token_broadcast) + 1;

/// Why a request ended; the numbers are those of the enumeration in the file.
enum class RequestEnd : std::uint8_t { stop, length, error, abort };

/// The enumerator's own name, as columns spell it: "expert_dispatch".
[[nodiscard]] std::string_view to_string(Phase phase) noexcept;
[[nodiscard]] std::string_view to_string(Traffic traffic) noexcept;
[[nodiscard]] std::string_view to_string(RequestEnd reason) noexcept;

/// One step of one micro-batch on one rank.
struct StepRecord {
  std::int64_t step = 0;         ///< number of the step, counted from 0 in each replica
  std::int32_t micro_batch = 0;  ///< which of the micro-batches in flight
  double t_begin = 0;            ///< [s since the epoch]
  double duration = 0;           ///< [s] from t_begin until the rank is done with the micro-batch
  std::array<float, num_phases>
      phase_s{};  ///< [s] indexed by Phase; they add up to at most duration
  std::array<std::uint64_t, num_traffic_kinds> bytes_sent{};  ///< [bytes] indexed by Traffic

  float tensor_parallel_wait_s = 0;  ///< of that phase: waiting for others' partial sums
  float expert_wait_s = 0;           ///< of expert_dispatch: until all ranks had come to it
  std::int32_t num_sums = 0;         ///< over the tensor-parallel group
  std::int32_t num_sums_last = 0;    ///< of them in which this rank came last

  float device_busy_s = 0;  ///< of steps that a device has done since the last record
  float device_idle_s = 0;  ///< between such steps

  std::int32_t num_prefill_tokens = 0;  ///< prompt tokens in the batch, recomputed ones included
  std::int32_t num_decode_tokens = 0;   ///< generated tokens in the batch
  std::int32_t num_recomputed_tokens =
      0;                           ///< prefill tokens computed before, and lost by preemption
  std::int32_t num_sequences = 0;  ///< sequences in the batch
  std::int32_t num_waiting = 0;    ///< requests admitted to the replica, but not running

  std::int32_t tokens_per_block = 0;    ///< size of a KV block in tokens
  std::int64_t max_num_blocks = 0;      ///< KV blocks that this rank has
  std::int64_t used_num_blocks = 0;     ///< of them in use
  std::int64_t free_num_blocks = 0;     ///< of them free
  std::int64_t alloc_new_blocks = 0;    ///< allocated in this step
  std::int64_t alloc_total_blocks = 0;  ///< allocated since the start
  std::uint64_t kv_used_bytes = 0;      ///< bytes of the blocks in use, empty places included
  std::uint64_t kv_free_bytes = 0;      ///< bytes of the free blocks
  std::uint64_t kv_reserved_empty_bytes =
      0;  ///< in blocks in use, but holding no token (fragmentation)

  std::int32_t num_preemptions = 0;   ///< sequences preempted in this step
  std::int64_t preempted_tokens = 0;  ///< tokens whose KV they lost, to be computed again
};

/// A caller's name of a request: its first 64 bytes (cut between UTF-8 characters, filled with
/// zeros), and the FNV-1a hash of all of it.
struct CustomId {
  std::array<char, 64> text{};
  std::uint64_t hash = 0;

  CustomId() = default;
  explicit CustomId(std::string_view id) noexcept;
};

/// One finished request. A time that a request never reached is NaN.
struct RequestRecord {
  std::int64_t index = 0;  ///< line of the input file, counted from 0
  CustomId custom_id{};
  std::int32_t replica = 0;                                       ///< that ran it
  double arrival = 0;                                             ///< read from the input
  double scheduled = std::numeric_limits<double>::quiet_NaN();    ///< first put in a batch
  double first_token = std::numeric_limits<double>::quiet_NaN();  ///< its first token was sampled
  double finish = 0;                                              ///< its last token was sampled
  double preemption_time = 0;                                     ///< [s] spent preempted
  std::int32_t num_prompt_tokens = 0;
  std::int32_t num_output_tokens = 0;
  std::int32_t num_restarts = 0;       ///< times preempted
  std::int64_t recomputed_tokens = 0;  ///< tokens computed again because of that
  RequestEnd finish_reason = RequestEnd::stop;
};

/// One sequence that lost its KV blocks to make room.
struct PreemptionRecord {
  double t = 0;                   ///< [s since the epoch]
  std::int64_t step = 0;          ///< StepRecord::step that it happened in
  std::int64_t request = 0;       ///< RequestRecord::index
  std::int32_t num_restarts = 0;  ///< times that this request was preempted, this time included
  std::int64_t tokens_lost = 0;   ///< tokens whose KV went
  std::int64_t blocks_freed = 0;
  std::int64_t free_num_blocks = 0;  ///< free KV blocks afterwards
};

}  // namespace talus::io
