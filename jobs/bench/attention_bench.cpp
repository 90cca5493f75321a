// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "jobs/bench/bench_parts.hpp"
#include "kernels/attention.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {
namespace {

constexpr std::int64_t query_heads = 32;
constexpr std::int64_t kv_heads = 4;
constexpr std::int64_t head_dim = 64;
constexpr std::int64_t block_tokens = 16;

/// A step of sequences that are all alike.
struct Step {
  std::int64_t sequences;
  std::int64_t context;  ///< tokens before the step
  std::int64_t tokens;   ///< of the step, each sequence
};

/// A cache filled with a step's keys and values, and what a kernel needs to find them.
class Cached {
 public:
  Cached(kernels::ExecContext const& exec, Step const& step, std::vector<float> const& keys)
      : blocks_{(step.context + step.tokens + block_tokens - 1) / block_tokens},
        tables_(static_cast<std::size_t>(step.sequences * blocks_)),
        cache_{exec, shape(), step.sequences * blocks_, block_tokens} {
    std::iota(tables_.begin(), tables_.end(), 0);
    set_rows(step.sequences, 0, step.context + step.tokens);
    auto const rows = view(keys, step.sequences * (step.context + step.tokens));
    kernels::store_kv(exec, batch(), rows, rows, cache_);
    set_rows(step.sequences, step.context, step.tokens);
  }

  static kernels::KvShape shape() { return {kv_heads, head_dim, head_dim, false, DType::bf16}; }

  [[nodiscard]] kernels::PagedBatch batch() const { return {first_, context_, tables_, blocks_}; }

  [[nodiscard]] kernels::KvCache const& cache() const { return cache_; }

 private:
  void set_rows(std::int64_t sequences, std::int64_t before, std::int64_t count) {
    first_.clear();
    for (std::int64_t i = 0; i <= sequences; ++i) {
      first_.push_back(static_cast<std::int32_t>(i * count));
    }
    context_.assign(static_cast<std::size_t>(sequences), static_cast<std::int32_t>(before));
  }

  std::int64_t blocks_;
  std::vector<std::int32_t> tables_;
  std::vector<std::int32_t> first_;
  std::vector<std::int32_t> context_;
  kernels::KvCache cache_;
};

void attention(Settings const& s, Step const& step) {
  kernels::AttentionHeads const heads{query_heads, 0, query_heads / kv_heads, 0, 0.125F};
  std::int64_t const rows = step.sequences * step.tokens;
  std::int64_t const positions = step.sequences * (step.context + step.tokens);
  std::vector<float> const kv = random_floats(positions * kv_heads * head_dim);
  std::vector<float> const q = random_floats(rows * query_heads * head_dim);
  std::vector<float> out(q.size());
  std::vector<float> wanted(q.size());
  Cached const cached{s.exec, step, kv};
  auto const run = [&] {
    kernels::paged_attention(
        s.exec, cached.batch(), heads, view(q, rows), cached.cache(), view(out, rows));
  };
  run();
  Cached const right{s.reference, step, kv};
  kernels::paged_attention(
      s.reference, right.batch(), heads, view(q, rows), right.cache(), view(wanted, rows));
  require_close(out, wanted);

  std::string const name = concat(
      "attention, ", step.sequences, " sequences at ", step.context, ", ", step.tokens, " tokens");
  auto const bytes = static_cast<double>(positions * Cached::shape().token_bytes());
  double const pairs = static_cast<double>(rows) *
                       (static_cast<double>(step.context) + static_cast<double>(step.tokens) / 2.0);
  report(s, name, memory_limit(s), bytes, run);
  report(s, name, float_limit(s), pairs * query_heads * 4.0 * head_dim, run);
}

}  // namespace

void bench_attention(Settings const& settings) {
  attention(settings, {1, 2048, 1});
  attention(settings, {1, 16384, 1});
  attention(settings, {64, 2048, 1});
  attention(settings, {1, 0, 512});
  attention(settings, {1, 2048, 512});
}

}  // namespace talus::bench
