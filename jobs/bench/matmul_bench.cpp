// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "jobs/bench/bench_parts.hpp"
#include "kernels/matmul.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {
namespace {

/// Hidden and intermediate size of the 1.1-billion Llama shape.
constexpr std::int64_t hidden = 2048;
constexpr std::int64_t intermediate = 5632;

/// As many matrices as don't fit a cache, one behind the other.
void decode(Settings const& s, std::int64_t rows, std::int64_t out, std::int64_t in) {
  constexpr std::int64_t least_bytes = std::int64_t{1} << 29;
  std::vector<float> const values = random_floats(out * in);
  std::vector<float> const x = random_floats(rows * in);
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  std::vector<float> wanted = y;
  std::vector<kernels::PackedWeights> layers;
  while (std::ssize(layers) * out * in * 2 < least_bytes) {
    layers.push_back(pack_bf16(s.exec, values, out, in));
  }
  auto const right = pack_bf16(s.reference, values, out, in);
  kernels::matmul(s.reference, view(x, rows), right, view(wanted, rows));
  kernels::matmul(s.exec, view(x, rows), layers.back(), view(y, rows));
  require_close(y, wanted);

  auto const bytes = static_cast<double>(std::ssize(layers) * layers.front().bytes());
  report(
      s, concat("matmul bf16 [", out, ", ", in, "], ", rows, " rows"), memory_limit(s), bytes, [&] {
        for (kernels::PackedWeights const& w : layers) {
          kernels::matmul(s.exec, view(x, rows), w, view(y, rows));
        }
      });
}

struct PrefillShape {
  std::int64_t rows;
  std::int64_t out;
  std::int64_t in;
  int leaves = 1;
};

void prefill(Settings const& s, PrefillShape const& shape) {
  auto const [rows, out, in, leaves] = shape;
  std::vector<float> const values = random_floats(out * in);
  std::vector<float> const x = random_floats(rows * in);
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  std::vector<float> wanted(static_cast<std::size_t>(2 * out));
  kernels::PackedWeights const w = pack_bf16(s.exec, values, out, in);
  SumTree const tree{leaves};
  std::vector<std::int32_t> cuts;
  for (std::int32_t leaf = 0; leaf <= leaves; ++leaf) {
    cuts.push_back(static_cast<std::int32_t>(leaf * in / leaves));
  }
  MatrixView<float> const sum = view(y, rows);
  auto const run = [&, num_leaves = leaves] {
    if (num_leaves == 1) {
      kernels::matmul(s.exec, view(x, sum.rows), w, sum);
    } else {
      kernels::matmul_leaves(
          s.exec, view(x, sum.rows), w, {&tree, {0, num_leaves}, cuts}, {&sum, 1});
    }
  };
  run();
  auto const right = pack_bf16(s.reference, values, out, in);
  kernels::matmul(s.reference, {x.data(), 2, in, in}, right, view(wanted, 2));
  require_close({y.data(), wanted.size()}, wanted);

  report(s,
         concat("matmul bf16 [", out, ", ", in, "], ", rows, " rows, ", leaves, " leaves"),
         float_limit(s),
         2.0 * static_cast<double>(rows * out * in),
         run);
}

void packing(Settings const& s, std::int64_t out, std::int64_t in) {
  std::vector<std::uint16_t> const raw(static_cast<std::size_t>(out * in), 0x3F80);
  auto const* const bytes = reinterpret_cast<std::byte const*>(raw.data());
  kernels::PackedWeights weights{s.exec, out, in, DType::bf16};
  report(s,
         concat("packing bf16 [", out, ", ", in, "]"),
         memory_limit(s),
         static_cast<double>(weights.bytes()),
         [&] {
           weights.set(s.exec, {}, {bytes, DType::bf16, out, in, in});
         });
}

}  // namespace

void bench_matmul(Settings const& settings) {
  for (std::int64_t const rows : {1, 2, 4, 8}) {
    decode(settings, rows, intermediate, hidden);
  }
  decode(settings, 1, hidden, intermediate);
  prefill(settings, {512, intermediate, hidden});
  prefill(settings, {512, hidden, intermediate});
  prefill(settings, {512, hidden, intermediate, 32});
  prefill(settings, {32, intermediate, hidden});
  packing(settings, intermediate, hidden);
}

}  // namespace talus::bench
