// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "jobs/bench/machine_limits.hpp"
#include "kernels/attention.hpp"
#include "kernels/kv_cache.hpp"
#include "kernels/matmul.hpp"
#include "kernels/sampling.hpp"
#include "kernels/session.hpp"
#include "runtime/base/error.hpp"

// Times the hot operations with the machine's own limits beside them, after comparing their results
// with the reference's. Usage: talus_kernels_bench [threads] [rounds]

using namespace talus;           // NOLINT: a program
using namespace talus::kernels;  // NOLINT: a program

namespace {

constexpr ExecContext reference{Backend::reference};
constexpr ExecContext fast{Backend::kokkos};

/// Hidden and intermediate size of the 1.1-billion Llama shape.
constexpr std::int64_t hidden = 2048;
constexpr std::int64_t intermediate = 5632;

std::vector<float> random_floats(std::int64_t count) {
  static std::mt19937 engine{1};
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return normal(engine); });
  return values;
}

MatrixView<float> view(std::vector<float>& data, std::int64_t rows) {
  std::int64_t const cols = std::ssize(data) / rows;
  return {data.data(), rows, cols, cols};
}

MatrixView<float const> view(std::vector<float> const& data, std::int64_t rows) {
  std::int64_t const cols = std::ssize(data) / rows;
  return {data.data(), rows, cols, cols};
}

PackedWeights pack(ExecContext const& exec,
                   std::vector<float> const& values,
                   std::int64_t out,
                   std::int64_t in) {
  PackedWeights weights{exec, out, in, DType::bf16};
  auto const* const bytes = reinterpret_cast<std::byte const*>(values.data());
  weights.set(exec, {}, {bytes, DType::f32, out, in, in});
  return weights;
}

void require_close(std::vector<float> const& got, std::vector<float> const& wanted) {
  float greatest = 0.0F;
  float difference = 0.0F;
  for (std::size_t i = 0; i < got.size(); ++i) {
    greatest = std::max(greatest, std::fabs(wanted[i]));
    difference = std::max(difference, std::fabs(got[i] - wanted[i]));
  }
  if (!(difference <= 1e-5F * greatest)) {
    std::fprintf(stderr, "wrong result: off by %g of %g\n", difference, greatest);
    std::exit(1);
  }
}

/// Median of the rates, and of their ratio to the limit measured right before each.
void report(std::string const& name,
            char const* unit,
            int rounds,
            double amount,
            std::function<double()> const& limit,
            std::function<void()> const& work) {
  std::vector<double> rates;
  std::vector<double> shares;
  work();
  for (int round = 0; round < rounds; ++round) {
    double const most = limit();
    auto const start = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    rates.push_back(amount / time.count());
    shares.push_back(rates.back() / most);
  }
  auto const median = [](std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
    return values[values.size() / 2];
  };
  std::printf("%-44s %8.2f %s  %5.1f%% of the limit\n",
              name.c_str(),
              median(rates) * 1e-9,
              unit,
              median(shares) * 100.0);
}

/// Rows of a step, of sequences that are all alike.
struct Rows {
  std::vector<std::int32_t> first;
  std::vector<std::int32_t> context;
};

struct Bench {
  int threads = 1;
  int rounds = 7;

  [[nodiscard]] double bus() const { return bench::read_bandwidth(threads); }

  [[nodiscard]] double peak() const { return bench::arithmetic_peak(threads); }

  void decode(std::int64_t rows, std::int64_t out, std::int64_t in) const;
  void prefill(std::int64_t rows, std::int64_t out, std::int64_t in, int leaves) const;
  void packing(std::int64_t out, std::int64_t in) const;
  void attention(std::int64_t sequences, std::int64_t context, std::int64_t tokens) const;
  void sampling() const;
};

void Bench::decode(std::int64_t rows, std::int64_t out, std::int64_t in) const {
  std::vector<float> const values = random_floats(out * in);
  std::vector<float> const x = random_floats(rows * in);
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  std::vector<float> wanted = y;
  std::vector<PackedWeights> layers;
  while (std::ssize(layers) * out * in * 2 < (std::int64_t{1} << 29)) {
    layers.push_back(pack(fast, values, out, in));
  }
  matmul(reference, view(x, rows), pack(reference, values, out, in), view(wanted, rows));
  matmul(fast, view(x, rows), layers.back(), view(y, rows));
  require_close(y, wanted);

  double const bytes = static_cast<double>(std::ssize(layers) * layers.front().bytes());
  report(
      concat("matmul bf16 [", out, ", ", in, "], ", rows, " rows"),
      "GB/s    ",
      rounds,
      bytes,
      [&] { return bus(); },
      [&] {
        for (PackedWeights const& w : layers) {
          matmul(fast, view(x, rows), w, view(y, rows));
        }
      });
}

void Bench::prefill(std::int64_t rows, std::int64_t out, std::int64_t in, int leaves) const {
  std::vector<float> const values = random_floats(out * in);
  std::vector<float> const x = random_floats(rows * in);
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  std::vector<float> wanted(static_cast<std::size_t>(2 * out));
  PackedWeights const w = pack(fast, values, out, in);
  SumTree const tree{leaves};
  std::vector<std::int32_t> cuts;
  for (std::int32_t leaf = 0; leaf <= leaves; ++leaf) {
    cuts.push_back(static_cast<std::int32_t>(leaf * in / leaves));
  }
  MatrixView<float> const sum = view(y, rows);
  auto const run = [&] {
    if (leaves == 1) {
      matmul(fast, view(x, rows), w, sum);
    } else {
      matmul_leaves(fast, view(x, rows), w, {&tree, {0, leaves}, cuts}, {&sum, 1});
    }
  };
  run();
  matmul(reference, {x.data(), 2, in, in}, pack(reference, values, out, in), view(wanted, 2));
  require_close({y.begin(), y.begin() + 2 * out}, wanted);

  report(
      concat("matmul bf16 [", out, ", ", in, "], ", rows, " rows, ", leaves, " leaves"),
      "GFLOP/s ",
      rounds,
      2.0 * static_cast<double>(rows * out * in),
      [&] { return peak(); },
      run);
}

void Bench::packing(std::int64_t out, std::int64_t in) const {
  std::vector<std::uint16_t> const raw(static_cast<std::size_t>(out * in), 0x3F80);
  auto const* const bytes = reinterpret_cast<std::byte const*>(raw.data());
  PackedWeights weights{fast, out, in, DType::bf16};
  report(
      concat("packing bf16 [", out, ", ", in, "], one thread"),
      "GB/s    ",
      rounds,
      static_cast<double>(weights.bytes()),
      [&] { return bus(); },
      [&] {
        weights.set(fast, {}, {bytes, DType::bf16, out, in, in});
      });
}

void Bench::attention(std::int64_t sequences, std::int64_t context, std::int64_t tokens) const {
  AttentionHeads const heads{32, 0, 8, 0, 0.125F};
  std::int64_t const blocks = (context + tokens + 15) / 16;
  KvShape const shape{4, 64, 64, false, DType::bf16};
  KvCache cache{fast, shape, sequences * blocks, 16};
  KvCache reference_cache{reference, shape, sequences * blocks, 16};
  std::vector<std::int32_t> tables(static_cast<std::size_t>(sequences * blocks));
  std::iota(tables.begin(), tables.end(), 0);
  auto const batch_of = [&](std::int64_t before, std::int64_t count) {
    Rows rows;
    for (std::int64_t s = 0; s <= sequences; ++s) {
      rows.first.push_back(static_cast<std::int32_t>(s * count));
    }
    rows.context.assign(static_cast<std::size_t>(sequences), static_cast<std::int32_t>(before));
    return rows;
  };
  Rows const all = batch_of(0, context + tokens);
  Rows const step = batch_of(context, tokens);
  std::vector<float> const kv = random_floats(sequences * (context + tokens) * 4 * 64);
  std::vector<float> const q = random_floats(sequences * tokens * 32 * 64);
  std::vector<float> out(q.size());
  std::vector<float> wanted(q.size());
  auto const keys = view(kv, sequences * (context + tokens));
  store_kv(fast, {all.first, all.context, tables, blocks}, keys, keys, cache);
  store_kv(reference, {all.first, all.context, tables, blocks}, keys, keys, reference_cache);
  PagedBatch const batch{step.first, step.context, tables, blocks};
  auto const run = [&] {
    paged_attention(
        fast, batch, heads, view(q, sequences * tokens), cache, view(out, sequences * tokens));
  };
  run();
  paged_attention(reference,
                  batch,
                  heads,
                  view(q, sequences * tokens),
                  reference_cache,
                  view(wanted, sequences * tokens));
  require_close(out, wanted);

  std::string const name =
      concat("attention, ", sequences, " sequences at ", context, ", ", tokens, " tokens");
  double const bytes = static_cast<double>(sequences * (context + tokens) * shape.token_bytes());
  double const pairs = static_cast<double>(tokens) *
                       (static_cast<double>(context) + static_cast<double>(tokens) / 2.0);
  double const operations = static_cast<double>(sequences) * pairs * 32.0 * 4.0 * 64.0;
  report(
      name, "GB/s    ", rounds, bytes, [&] { return bus(); }, run);
  report(
      name, "GFLOP/s ", rounds, operations, [&] { return peak(); }, run);
}

void Bench::sampling() const {
  constexpr std::int64_t vocab = 150'000;
  std::vector<float> const logits = random_floats(8 * vocab);
  std::vector<SampleRule> const rules(
      8, {.temperature = 0.8F, .top_k = 50, .top_p = 0.9F, .min_p = 0.01F, .uniform = 0.5F});
  std::vector<std::int32_t> tokens(8);
  std::vector<std::int32_t> wanted(8);
  sample(reference, view(logits, 8), rules, wanted);
  report(
      "sampling, 8 rows of 150000, all filters",
      "Grows/s ",
      rounds,
      8.0,
      [] { return 1e3; },  // a row in a millisecond
      [&] { sample(fast, view(logits, 8), rules, tokens); });
  if (tokens != wanted) {
    std::fprintf(stderr, "wrong tokens\n");
    std::exit(1);
  }
}

int run(int argc, char** argv) {
  Bench bench;
  KernelSession const session{argc > 1 ? std::atoi(argv[1]) : 0};
  bench.threads = session.num_threads();
  bench.rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  std::printf("%s, %d threads: %.1f GB/s read, %.1f GFLOP/s float32\n",
              KernelSession::description().c_str(),
              bench.threads,
              bench.bus() * 1e-9,
              bench.peak() * 1e-9);
  for (std::int64_t const rows : {1, 2, 4, 8}) {
    bench.decode(rows, intermediate, hidden);
  }
  bench.decode(1, hidden, intermediate);
  bench.prefill(512, intermediate, hidden, 1);
  bench.prefill(512, hidden, intermediate, 1);
  bench.prefill(512, hidden, intermediate, 32);
  bench.prefill(32, intermediate, hidden, 1);
  bench.packing(intermediate, hidden);
  bench.attention(1, 2048, 1);
  bench.attention(64, 2048, 1);
  bench.attention(1, 0, 512);
  bench.attention(1, 2048, 512);
  bench.sampling();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "talus_kernels_bench: %s\n", error.what());
    return 1;
  }
}
