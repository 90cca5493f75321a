// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "jobs/bench/bench_parts.hpp"
#include "jobs/bench/machine_limits.hpp"
#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench {
namespace {

/// Hidden and intermediate size of the 1.1-billion Llama shape.
constexpr std::int64_t hidden = 2048;
constexpr std::int64_t intermediate = 5632;

struct Shape {
  std::int64_t rows;
  std::int64_t out;
  std::int64_t in;
};

/// Quantised weights, packed for the backend that is timed and for the one that is right.
struct Weights {
  kernels::QuantizedMatrix codes;
  kernels::PackedWeights fast;
  kernels::PackedWeights right;
};

kernels::PackedWeights pack(kernels::ExecContext const& exec,
                            kernels::QuantizedMatrix const& w,
                            DType scales) {
  kernels::PackedWeights packed{exec, w.rows, w.cols, {w.format, scales, 0}};
  packed.set(exec, {}, w.view());
  return packed;
}

constexpr kernels::QuantFormat fp8_blocks{kernels::QuantKind::fp8_e4m3, 128, false, 128};

/// As DeepSeek's checkpoints have them, which quantize() doesn't make.
kernels::QuantizedMatrix to_fp8_blocks(std::vector<float> const& values, Shape const& shape) {
  kernels::QuantizedMatrix w{fp8_blocks, shape.out, shape.in, {}, {}, {}};
  std::transform(values.begin(), values.end(), std::back_inserter(w.codes), [](float value) {
    return kernels::float_to_e4m3(value * 64.0F);
  });
  std::int64_t const blocks = (shape.out + 127) / 128 * kernels::groups_of(fp8_blocks, shape.in);
  w.scales.assign(static_cast<std::size_t>(blocks), 1.0F / 64.0F);
  return w;
}

Weights quantized(Settings const& s, std::string const& name, Shape const& shape) {
  std::vector<float> const values = random_floats(shape.out * shape.in);
  auto w =
      name == name_of(fp8_blocks)
          ? to_fp8_blocks(values, shape)
          : kernels::quantize(view(values, shape.out), kernels::parse_quant_format(name, "bench"));
  // As checkpoints have them: two bytes each.
  std::transform(w.scales.begin(), w.scales.end(), w.scales.begin(), [](float scale) {
    return bf16_to_float(float_to_bf16(scale));
  });
  kernels::PackedWeights fast = pack(s.exec, w, DType::bf16);
  kernels::PackedWeights right = pack(s.reference, w, DType::bf16);
  return {std::move(w), std::move(fast), std::move(right)};
}

std::string title(std::string const& format, Shape const& shape) {
  return concat("matmul ", format, " [", shape.out, ", ", shape.in, "], ", shape.rows, " rows");
}

/// What the definition's rounding of activations may change, as a part of the greatest result.
constexpr float tolerance = 0.02F;

/// As many matrices as don't fit a cache, one behind the other.
void decode(Settings const& s, std::string const& format, Shape const& shape) {
  constexpr std::int64_t least_bytes = std::int64_t{1} << 29;
  std::vector<float> const x = random_floats(shape.rows * shape.in);
  std::vector<float> y(static_cast<std::size_t>(shape.rows * shape.out));
  std::vector<float> wanted = y;
  Weights weights = quantized(s, format, shape);
  kernels::matmul(s.reference, view(x, shape.rows), weights.right, view(wanted, shape.rows));
  std::vector<kernels::PackedWeights> layers;
  layers.push_back(std::move(weights.fast));
  kernels::matmul(s.exec, view(x, shape.rows), layers.back(), view(y, shape.rows));
  require_close(y, wanted, tolerance);
  while (std::ssize(layers) * layers.front().bytes() < least_bytes) {
    layers.push_back(pack(s.exec, weights.codes, DType::bf16));
  }

  auto const bytes = static_cast<double>(std::ssize(layers) * layers.front().bytes());
  report(s, title(format, shape), memory_limit(s), bytes, [&] {
    for (kernels::PackedWeights const& w : layers) {
      kernels::matmul(s.exec, view(x, shape.rows), w, view(y, shape.rows));
    }
  });
}

/// Operations of the unit that multiplies bytes; of float32 where there is none.
Limit byte_limit(Settings const& s) {
  return {"Gop/s", [threads = s.threads] {
            double most = 0.0;
            for (UnitPeak const& peak : unit_peaks(threads)) {
              bool const is_byte = peak.name == "avx2_int8" || peak.name == "avx512_int8";
              most = is_byte ? std::max(most, peak.operations) : most;
            }
            return most > 0.0 ? most : arithmetic_peak(threads);
          }};
}

void prefill(Settings const& s, std::string const& format, Shape const& shape) {
  std::vector<float> const x = random_floats(shape.rows * shape.in);
  std::vector<float> y(static_cast<std::size_t>(shape.rows * shape.out));
  std::vector<float> wanted(static_cast<std::size_t>(2 * shape.out));
  Weights const weights = quantized(s, format, shape);
  auto const run = [&] {
    kernels::matmul(s.exec, view(x, shape.rows), weights.fast, view(y, shape.rows));
  };
  run();
  kernels::matmul(s.reference, {x.data(), 2, shape.in, shape.in}, weights.right, view(wanted, 2));
  require_close({y.data(), wanted.size()}, wanted, tolerance);

  report(s,
         title(format, shape),
         byte_limit(s),
         2.0 * static_cast<double>(shape.rows * shape.out * shape.in),
         run);
}

}  // namespace

void bench_quantized(Settings const& settings) {
  for (std::string const format :
       {"int8", "int8-g32", "int4-g32", "int4-g128-asym", "fp8-g128x128"}) {
    decode(settings, format, {1, intermediate, hidden});
    decode(settings, format, {1, hidden, intermediate});
  }
  for (std::int64_t const rows : {2, 4, 8}) {
    decode(settings, "int8", {rows, intermediate, hidden});
  }
  for (std::string const format : {"int8", "int4-g32"}) {
    prefill(settings, format, {512, intermediate, hidden});
    prefill(settings, format, {512, hidden, intermediate});
    prefill(settings, format, {32, intermediate, hidden});
  }
}

}  // namespace talus::bench
