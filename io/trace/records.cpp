// SPDX-License-Identifier: Apache-2.0
#include "io/trace/records.hpp"

#include <algorithm>

namespace talus::io {
namespace {

constexpr std::array<std::string_view, num_phases> phase_names{
    "schedule",
    "embed",
    "attention",
    "feed_forward",
    "moe_route",
    "expert_dispatch",
    "expert_compute",
    "expert_combine",
    "tensor_parallel_sum",
    "gather",
    "recorded_layers",
    "recorded_step",
    "wait_previous_stage",
    "send_next_stage",
    "lm_head",
    "sampling",
    "token_broadcast",
    "lock_step",
    "idle",
    "other",
};

constexpr std::array<std::string_view, num_traffic_kinds> traffic_names{
    "tensor_parallel_sum",
    "gather",
    "expert_dispatch",
    "expert_combine",
    "next_stage",
    "token_broadcast",
};

constexpr std::array<std::string_view, 4> finish_reason_names{"stop", "length", "error", "abort"};

// Parameters of the 64-bit FNV-1a hash: Fowler, Noll, Vo, Eastlake, draft-eastlake-fnv.
constexpr std::uint64_t fnv_offset = 0xcbf29ce484222325;
constexpr std::uint64_t fnv_prime = 0x100000001b3;

}  // namespace

std::string_view to_string(Phase phase) noexcept {
  return phase_names[static_cast<std::size_t>(phase)];
}

std::string_view to_string(Traffic traffic) noexcept {
  return traffic_names[static_cast<std::size_t>(traffic)];
}

std::string_view to_string(RequestEnd reason) noexcept {
  return finish_reason_names[static_cast<std::size_t>(reason)];
}

CustomId::CustomId(std::string_view id) noexcept : hash{fnv_offset} {
  for (char const byte : id) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * fnv_prime;
  }
  std::size_t length = std::min(id.size(), text.size());
  if (length < id.size()) {
    // A UTF-8 character's later bytes are 10xxxxxx; back to where one starts.
    while (length > 0 && (static_cast<unsigned char>(id[length]) & 0xc0U) == 0x80U) {
      --length;
    }
  }
  std::copy_n(id.begin(), length, text.begin());
}

}  // namespace talus::io
