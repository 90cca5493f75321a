// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "jobs/bench/gpu/parts.hpp"
#include "kernels/block/kv_layout.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::bench::gpu {
namespace {

/// A decode step over a full cache.
struct Case {
  char const* name;
  kernels::KvShape shape;
  std::int64_t heads;
  std::int64_t sequences;
  std::int64_t positions;

  static constexpr std::int64_t block_tokens = 16;

  [[nodiscard]] std::int64_t blocks() const { return sequences * positions / block_tokens; }

  [[nodiscard]] kernels::AttentionHeads attention_heads() const {
    kernels::AttentionHeads result;
    result.num_heads = heads;
    result.heads_per_kv_head = heads / shape.num_heads;
    result.scale = 1.0F / std::sqrt(static_cast<float>(shape.key_dim));
    return result;
  }
};

constexpr Case cases[] = {
    {"attention of 32 heads over 8, 64 x 2,048", {8, 128, 128, false, DType::bf16}, 32, 64, 2048},
    {"latent attention of 128 heads, 128 x 8,192",
     {1, 576, 512, true, DType::bf16},
     128,
     128,
     8192}};

/// What the card works on; on the host, too, where it is checked. The cache repeats one piece of
/// random values, whose length is no multiple of a position.
struct Data {
  std::vector<std::uint16_t> elements;
  std::vector<std::int32_t> first_row;
  std::vector<std::int32_t> context;
  std::vector<std::int32_t> tables;
  std::vector<float> q;

  Data(Case const& of)
      : elements{random_bf16((1 << 22) + 7, 7)},
        first_row(static_cast<std::size_t>(of.sequences + 1)),
        context(static_cast<std::size_t>(of.sequences),
                static_cast<std::int32_t>(of.positions - 1)),
        tables(static_cast<std::size_t>(of.blocks())),
        q{random_floats(of.sequences * of.heads * of.shape.key_dim, 8)} {
    std::iota(first_row.begin(), first_row.end(), 0);
    std::iota(tables.rbegin(), tables.rend(), 0);
  }

  [[nodiscard]] double element(std::int64_t i) const {
    return bf16_to_float(elements[static_cast<std::size_t>(i % std::ssize(elements))]);
  }

  void fill(Bench& bench, kernels::KvCache& cache, Case const& of) const {
    auto const bytes = std::as_bytes(std::span{elements});
    std::int64_t const all = of.blocks() * Case::block_tokens * of.shape.token_bytes();
    for (std::int64_t at = 0; at < all; at += std::ssize(bytes)) {
      auto const count = static_cast<std::size_t>(std::min(all - at, std::ssize(bytes)));
      kernels::upload(bench.exec(), bytes.first(count), cache.data() + at);
    }
  }
};

/// Some of the heads, in double precision.
void verify(Bench& bench, Case const& of, Data const& data, kernels::Buffer<float> const& out) {
  auto const got = on_host(bench, out);
  kernels::block::KvLayout const layout{of.shape, Case::block_tokens};
  Verifier verifier{of.name};
  for (std::int64_t s = 1; s < of.sequences; s += of.sequences / 3) {
    std::int64_t const head = s % of.heads;
    std::vector<double> values(static_cast<std::size_t>(of.shape.value_dim));
    double whole = 0.0;
    for (std::int64_t p = 0; p < of.positions; ++p) {
      std::int64_t const entry = s * of.positions / Case::block_tokens + p / Case::block_tokens;
      auto const place = layout.place(data.tables[static_cast<std::size_t>(entry)],
                                      p % Case::block_tokens,
                                      head * of.shape.num_heads / of.heads);
      double score = 0.0;
      for (std::int64_t i = 0; i < of.shape.key_dim; ++i) {
        auto const query = (s * of.heads + head) * of.shape.key_dim + i;
        score += data.q[static_cast<std::size_t>(query)] * data.element(place.key + i);
      }
      double const weight = std::exp(score / std::sqrt(static_cast<double>(of.shape.key_dim)));
      whole += weight;
      for (std::int64_t i = 0; i < of.shape.value_dim; ++i) {
        values[static_cast<std::size_t>(i)] += weight * data.element(place.value + i);
      }
    }
    for (std::int64_t i = 0; i < of.shape.value_dim; ++i) {
      auto const at = (s * of.heads + head) * of.shape.value_dim + i;
      verifier.add(got[static_cast<std::size_t>(at)], values[static_cast<std::size_t>(i)] / whole);
    }
  }
  verifier.finish();
}

void run(Bench& bench, Report& report, Case const& of) {
  Data const data{of};
  kernels::KvCache cache{bench.exec(), of.shape, of.blocks(), Case::block_tokens};
  data.fill(bench, cache, of);
  auto const q = on_card(bench, data.q);
  kernels::Buffer<float> out{bench.exec(), of.sequences * of.heads * of.shape.value_dim};
  kernels::PagedBatch const batch{
      data.first_row, data.context, data.tables, of.positions / Case::block_tokens};
  std::int64_t const q_cols = of.heads * of.shape.key_dim;
  std::int64_t const out_cols = of.heads * of.shape.value_dim;
  auto const attend = [&](int) {
    bench.operations().paged_attention(bench.exec(),
                                       batch,
                                       of.attention_heads(),
                                       {q.data(), of.sequences, q_cols, q_cols},
                                       cache,
                                       {out.data(), of.sequences, out_cols, out_cols});
  };
  attend(0);
  verify(bench, of, data, out);
  auto const pairs = static_cast<double>(of.sequences * of.positions);
  auto const written = static_cast<double>(of.sequences * (q_cols + out_cols) * 4);
  report.add({of.name,
              pairs * static_cast<double>(of.shape.token_bytes()) + written,
              2.0 * pairs * static_cast<double>(of.heads * (of.shape.key_dim + of.shape.value_dim)),
              bench.time(attend)});
}

}  // namespace

void bench_attention(Bench& bench, Report& report) {
  for (Case const& of : cases) {
    run(bench, report, of);
  }
}

}  // namespace talus::bench::gpu
