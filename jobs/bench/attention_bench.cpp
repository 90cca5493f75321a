// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "jobs/bench/bench_parts.hpp"
#include "kernels/attention.hpp"
#include "kernels/kv_cache.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {
namespace {

constexpr std::int64_t block_tokens = 16;

/// Attention of a model: its query heads, and what it caches.
struct Model {
  char const* name;
  std::int64_t heads;
  kernels::KvShape shape;

  [[nodiscard]] kernels::AttentionHeads attention_heads() const {
    return {
        heads, 0, heads / shape.num_heads, 0, 1.0F / std::sqrt(static_cast<float>(shape.key_dim))};
  }
};

constexpr Model grouped = {"attention", 32, {4, 64, 64, false, DType::bf16}};
constexpr Model latent = {"latent attention", 128, {1, 576, 512, true, DType::bf16}};

/// A step of sequences that are all alike.
struct Step {
  std::int64_t sequences;
  std::int64_t context;  ///< tokens before the step
  std::int64_t tokens;   ///< of the step, each sequence

  [[nodiscard]] std::int64_t rows() const { return sequences * tokens; }

  [[nodiscard]] std::int64_t positions() const { return sequences * (context + tokens); }

  /// Pairs of a query and a position that it sees.
  [[nodiscard]] double pairs() const {
    return static_cast<double>(rows()) *
           (static_cast<double>(context) + static_cast<double>(tokens + 1) / 2.0);
  }
};

/// The caches of some layers, filled alike, and what a kernel needs to find a step's tokens.
class Cached {
 public:
  Cached(kernels::ExecContext const& exec,
         Model const& model,
         Step const& step,
         std::vector<float> const& keys,
         std::int64_t layers)
      : blocks_{(step.context + step.tokens + block_tokens - 1) / block_tokens},
        tables_(static_cast<std::size_t>(step.sequences * blocks_)) {
    std::iota(tables_.begin(), tables_.end(), 0);
    set_rows(step.sequences, 0, step.context + step.tokens);
    auto const rows = view(keys, step.positions());
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      caches_.emplace_back(exec, model.shape, step.sequences * blocks_, block_tokens);
      kernels::store_kv(exec,
                        batch(),
                        rows,
                        model.shape.value_in_key ? MatrixView<float const>{} : rows,
                        caches_.back());
    }
    set_rows(step.sequences, step.context, step.tokens);
  }

  /// Attention in all layers.
  void attend(kernels::ExecContext const& exec,
              Model const& model,
              MatrixView<float const> q,
              MatrixView<float> out) const {
    for (kernels::KvCache const& cache : caches_) {
      kernels::paged_attention(exec, batch(), model.attention_heads(), q, cache, out);
    }
  }

 private:
  [[nodiscard]] kernels::PagedBatch batch() const { return {first_, context_, tables_, blocks_}; }

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
  std::vector<kernels::KvCache> caches_;
};

std::vector<float> random_keys(Model const& model, Step const& step) {
  return random_floats(step.positions() * model.shape.num_heads * model.shape.key_dim);
}

/// Compares a step with the reference.
void check(Settings const& s, Model const& model, Step const& step) {
  std::vector<float> const keys = random_keys(model, step);
  std::vector<float> const q = random_floats(step.rows() * model.heads * model.shape.key_dim);
  std::vector<float> out(
      static_cast<std::size_t>(step.rows() * model.heads * model.shape.value_dim));
  std::vector<float> wanted(out.size());
  Cached const cached{s.exec, model, step, keys, 1};
  Cached const right{s.reference, model, step, keys, 1};
  cached.attend(s.exec, model, view(q, step.rows()), view(out, step.rows()));
  right.attend(s.reference, model, view(q, step.rows()), view(wanted, step.rows()));
  require_close(out, wanted);
}

/// Times a step in as many layers as keep no key in a cache of the processor, at most 64.
void attention(Settings const& s, Model const& model, Step const& step) {
  constexpr std::int64_t many_bytes = std::int64_t{1} << 27;
  std::int64_t const bytes = step.positions() * model.shape.token_bytes();
  // Where there are many queries, keys are read from a cache anyway.
  std::int64_t const layers =
      step.tokens > 1 ? 1 : std::clamp<std::int64_t>(many_bytes / bytes, 1, 64);
  std::vector<float> const q = random_floats(step.rows() * model.heads * model.shape.key_dim);
  std::vector<float> out(
      static_cast<std::size_t>(step.rows() * model.heads * model.shape.value_dim));
  Cached const cached{s.exec, model, step, random_keys(model, step), layers};
  auto const run = [&] {
    cached.attend(s.exec, model, view(q, step.rows()), view(out, step.rows()));
  };
  std::string const name =
      concat(model.name, ", ", step.sequences, " at ", step.context, ", ", step.tokens, " tokens");
  auto const times = static_cast<double>(layers);
  double const operations = step.pairs() * static_cast<double>(model.heads) * 2.0 *
                            static_cast<double>(model.shape.key_dim + model.shape.value_dim);
  if (step.tokens == 1) {
    report(s, name, memory_limit(s), static_cast<double>(bytes) * times, run);
  }
  report(s, name, float_limit(s), operations * times, run);
}

}  // namespace

void bench_attention(Settings const& settings) {
  check(settings, grouped, {2, 1100, 1});
  check(settings, grouped, {1, 100, 60});
  check(settings, latent, {1, 200, 1});
  attention(settings, grouped, {1, 2048, 1});
  attention(settings, grouped, {1, 16384, 1});
  attention(settings, grouped, {64, 2048, 1});
  attention(settings, grouped, {1, 0, 512});
  attention(settings, grouped, {1, 2048, 512});
  attention(settings, grouped, {1, 15872, 512});
  attention(settings, latent, {1, 8192, 1});
}

}  // namespace talus::bench
