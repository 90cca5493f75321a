// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/memory_budget.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <limits>

#include "runtime/base/error.hpp"
#include "runtime/model/activation_budget.hpp"
#include "runtime/model/kv_layout.hpp"
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

/// Token counts are limited to what an int32 holds: see --max-model-len.
std::int32_t narrow(std::int64_t tokens) {
  return static_cast<std::int32_t>(tokens);
}

std::string room_of(MemoryBudget const& budget, std::int64_t max_model_len) {
  std::int64_t const tokens =
      budget.geometry.longest(budget.num_blocks, narrow(budget.chunk), narrow(max_model_len));
  std::string const held =
      concat("the KV cache, ", format_bytes(budget.kv_cache), ", has room for ", tokens, " tokens");
  if (!budget.geometry.has_windows()) {
    return concat(held,
                  " at ",
                  budget.kv_token_bytes,
                  " bytes a token, and must hold one sequence; at most ",
                  tokens,
                  " would fit, or give more by --kv-cache-memory");
  }
  return concat(held,
                " of one sequence, of which a step may compute ",
                budget.chunk,
                "; at most ",
                tokens,
                " would fit, or give more by --kv-cache-memory, or a smaller "
                "--max-num-batched-tokens, since windows give back what a step doesn't need");
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
  std::int64_t const sharers = request.weight_sharers;
  budget.weights = (weight_bytes(exec, spec, place, request.weights) + sharers - 1) / sharers;
  budget.activations = activation_bytes(spec,
                                        place,
                                        {.max_tokens = request.max_num_batched_tokens,
                                         .max_positions = request.max_model_len,
                                         .is_on_device = exec.device != nullptr});
  KvLayout const layout = make_kv_layout(spec, place.pp_size, request.max_model_len);
  for (kernels::KvShape const& shape : slot_shapes(layout, spec, place, request.kv_dtype)) {
    budget.kv_token_bytes += shape.token_bytes();
  }
  budget.block_tokens = request.block_tokens;
  budget.chunk = request.max_num_batched_tokens;
  budget.geometry = {{layout.windows.begin(), layout.windows.end()}, narrow(request.block_tokens)};
  std::int64_t const block_bytes = budget.kv_token_bytes * request.block_tokens;
  std::int64_t const left = budget.available - budget.weights - budget.activations;
  std::int64_t const for_cache = request.kv_cache.value_or(std::max<std::int64_t>(left, 0));
  std::int64_t const blocks_each =
      budget.geometry.most_blocks(narrow(request.max_model_len), narrow(budget.chunk));
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
  std::int64_t const needed =
      budget.geometry.most_blocks(narrow(max_model_len), narrow(budget.chunk));
  if (budget.num_blocks < needed) {
    throw ConfigError{
        concat("--max-model-len: ", max_model_len, " (", room_of(budget, max_model_len), ')')};
  }
}

double kv_concurrency(MemoryBudget const& budget, std::int64_t tokens) {
  auto const blocks = static_cast<double>(budget.num_blocks);
  if (!budget.geometry.has_windows()) {
    return blocks * static_cast<double>(budget.block_tokens) / static_cast<double>(tokens);
  }
  return blocks / static_cast<double>(budget.geometry.most_blocks(narrow(tokens), 1));
}

}  // namespace talus::runtime
