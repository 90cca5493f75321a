// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/gpu/library_product.hpp"
#include "jobs/bench/gpu/parts.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench::gpu {

Limits measure_limits(Bench& bench) {
  constexpr std::int64_t copied = std::int64_t{2} << 30;  // many times what a card's cache holds
  constexpr std::int64_t side = 8192;
  Limits limits;
  {
    kernels::Buffer<std::byte> from{bench.exec(), copied};
    kernels::Buffer<std::byte> to{bench.exec(), copied};
    auto const random = random_floats(std::int64_t{16} << 20, 3);
    auto const bytes = std::as_bytes(std::span{random});
    for (std::int64_t at = 0; at < copied; at += std::ssize(bytes)) {
      kernels::upload(bench.exec(), bytes, from.data() + at);
    }
    auto const times = bench.time(
        [&](int) { kernels::copy(bench.exec(), std::as_const(from).span(), to.data()); });
    limits.copy_bytes = 2.0 * static_cast<double>(copied) / quantile(times, 0.5) * 1e6;
  }
  try {
    LibraryRate const rate = library_rate(bench, side);
    limits.matmul_flops = rate.flops;
    limits.matmul_note = rate.reason;
  } catch (ApiError const& error) {  // the library's: what is ours is measured nevertheless
    limits.matmul_note = concat(" (not measured: ", error.what(), ')');
  }
  return limits;
}

}  // namespace talus::bench::gpu
