// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "jobs/bench/gpu/parts.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::bench::gpu {
namespace {

/// A matrix of Llama-3.1-8B.
struct Shape {
  char const* name;
  std::int64_t out;
  std::int64_t in;
};

constexpr Shape shapes[] = {{"qkv", 6144, 4096},
                            {"attention out", 4096, 4096},
                            {"gate and up", 28672, 4096},
                            {"down", 4096, 14336}};

constexpr std::int64_t most_rows = 8192;

/// Copies of a matrix that are used in turns: more than a card's cache holds.
constexpr std::int64_t cold_bytes = std::int64_t{400} << 20;

struct Weights {
  std::vector<std::uint16_t> values;
  std::vector<kernels::PackedWeights> copies;
};

Weights make_weights(Bench& bench, Shape const& shape) {
  Weights weights;
  weights.values = random_bf16(shape.out * shape.in, 5);
  auto const bytes = std::as_bytes(std::span{weights.values});
  for (std::int64_t i = 0; i < ceil_div(cold_bytes, std::ssize(bytes)); ++i) {
    weights.copies.emplace_back(
        bench.exec(), shape.out, shape.in, DType::bf16, kernels::Contents::undefined);
    kernels::upload(bench.exec(), bytes, weights.copies.back().memory().data());
  }
  return weights;
}

/// Some of the sums, against those in double precision.
void verify(Bench& bench,
            Shape const& shape,
            Weights const& weights,
            std::vector<float> const& x,
            kernels::Buffer<float> const& y,
            std::int64_t rows) {
  auto const got = on_host(bench, y);
  Verifier verifier{shape.name};
  for (std::int64_t t = 0; t < rows; t += std::max<std::int64_t>(1, rows / 5)) {
    for (std::int64_t o = t % 97; o < shape.out; o += shape.out / 7) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < shape.in; ++i) {
        sum += static_cast<double>(x[static_cast<std::size_t>(t * shape.in + i)]) *
               bf16_to_float(weights.values[static_cast<std::size_t>(o * shape.in + i)]);
      }
      verifier.add(got[static_cast<std::size_t>(t * shape.out + o)], sum);
    }
  }
  verifier.finish();
}

}  // namespace

void bench_matmul(Bench& bench, Report& report) {
  for (Shape const& shape : shapes) {
    Weights const weights = make_weights(bench, shape);
    auto const host_x = random_floats(most_rows * shape.in, 6);
    auto const x = on_card(bench, host_x);
    for (std::int64_t const rows :
         {std::int64_t{1}, std::int64_t{8}, std::int64_t{64}, std::int64_t{512}, most_rows}) {
      kernels::Buffer<float> y{bench.exec(), rows * shape.out};
      auto const multiply = [&](int round) {
        auto const copy = static_cast<std::size_t>(round) % weights.copies.size();
        bench.operations().matmul(bench.exec(),
                                  {x.data(), rows, shape.in, shape.in},
                                  weights.copies[copy],
                                  {y.data(), rows, shape.out, shape.out});
      };
      multiply(0);
      verify(bench, shape, weights, host_x, y, rows);
      auto const out = static_cast<double>(shape.out);
      auto const in = static_cast<double>(shape.in);
      auto const t = static_cast<double>(rows);
      report.add({concat("matmul ", shape.name, ", ", rows, " rows"),
                  2.0 * out * in + 4.0 * t * (in + out),
                  2.0 * out * in * t,
                  bench.time(multiply)});
    }
  }
}

}  // namespace talus::bench::gpu
