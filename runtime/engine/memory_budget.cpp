// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/memory_budget.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <limits>

#include "runtime/base/error.hpp"
#include "runtime/model/decoder.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {
namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

/// MemAvailable of the node, which /proc/meminfo gives in KiB.
std::int64_t node_memory() {
  std::ifstream in{"/proc/meminfo"};
  std::string name;
  std::int64_t kib = 0;
  std::string unit;
  while (in >> name >> kib) {
    std::getline(in, unit);
    if (name == "MemAvailable:") {
      return kib * 1024;
    }
  }
  return unlimited;
}

std::int64_t number_in(char const* file) {
  std::ifstream in{file};
  std::int64_t value = 0;
  return in >> value ? value : unlimited;  // "max", or no such file
}

/// What the control group of the job leaves, where there is one.
std::int64_t group_memory() {
  std::int64_t const limit = number_in("/sys/fs/cgroup/memory.max");
  std::int64_t const used = number_in("/sys/fs/cgroup/memory.current");
  return limit == unlimited || used == unlimited ? unlimited
                                                 : std::max<std::int64_t>(limit - used, 0);
}

}  // namespace

std::int64_t available_memory(int ranks_on_node) {
  return std::min(node_memory(), group_memory()) / 5 * 4 / ranks_on_node;
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array<char const*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < units.size()) {
    value /= 1024.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.2f %s", value, units[unit]);
  return text.data();
}

MemoryBudget plan_memory(kernels::ExecContext const& exec,
                         ModelSpec const& spec,
                         ShardPlace const& place,
                         BudgetRequest const& request) {
  MemoryBudget budget;
  budget.available = request.available;
  budget.weights = weight_bytes(exec, spec, place, request.dtype);
  budget.activations = activation_bytes(spec, place, request.max_num_batched_tokens);
  budget.kv_token_bytes = kv_token_bytes(spec, place, request.dtype);
  budget.block_tokens = request.block_tokens;
  std::int64_t const block_bytes = budget.kv_token_bytes * request.block_tokens;
  std::int64_t const left = budget.available - budget.weights - budget.activations;
  std::int64_t const for_cache = request.kv_cache.value_or(std::max<std::int64_t>(left, 0));
  std::int64_t const blocks_each =
      (request.max_model_len + request.block_tokens - 1) / request.block_tokens;
  budget.num_blocks =
      std::min({for_cache / block_bytes,
                blocks_each * request.max_num_seqs,
                std::int64_t{std::numeric_limits<std::int32_t>::max()} / request.block_tokens});
  budget.num_blocks = request.num_blocks.value_or(budget.num_blocks);
  budget.kv_cache = budget.num_blocks * block_bytes;
  return budget;
}

void check_budget(MemoryBudget const& budget, std::int64_t max_model_len) {
  std::int64_t const fixed = budget.weights + budget.activations;
  if (fixed > budget.available) {
    throw ConfigError{concat(
        "memory: ",
        format_bytes(budget.weights),
        " of weights and ",
        format_bytes(budget.activations),
        " of activations for a rank that has ",
        format_bytes(budget.available),
        " (use more ranks, a larger --tensor-parallel-size or --pipeline-parallel-size, or a "
        "smaller --max-num-batched-tokens)")};
  }
  std::int64_t const tokens = budget.num_blocks * budget.block_tokens;
  if (tokens < max_model_len) {
    throw ConfigError{concat("--max-model-len: ",
                             max_model_len,
                             " (the KV cache has room for ",
                             tokens,
                             " tokens, ",
                             format_bytes(budget.kv_cache),
                             " at ",
                             budget.kv_token_bytes,
                             " bytes a token, and must hold one sequence; at most ",
                             tokens,
                             " would fit, or give more by --kv-cache-memory)")};
  }
}

}  // namespace talus::runtime
