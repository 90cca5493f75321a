// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/gpu/library_product.hpp"

#include "jobs/bench/gpu/report.hpp"
#include "kernels/cuda/library_products.hpp"
#include "runtime/base/error.hpp"

namespace talus::bench::gpu {
namespace {

constexpr std::int64_t workspace_bytes = std::int64_t{64} << 20;

}  // namespace

LibraryRate library_rate(Bench& bench, std::int64_t size) {
  kernels::cuda::CublasLtLibrary const library = kernels::cuda::open_cublaslt();
  if (!library.problem.empty()) {
    return {0.0, concat(" (not measured: ", library.problem, ')')};
  }
  auto const w = on_card(bench, random_bf16(size * size, 1));
  auto const x = on_card(bench, random_bf16(size * size, 2));
  kernels::Buffer<float> y{bench.exec(), size * size};
  kernels::Buffer<std::byte> workspace{bench.exec(), workspace_bytes};
  kernels::cuda::LibraryProducts products{
      library, {workspace.data(), workspace_bytes, bench.device().stream()}};
  auto const times = bench.time([&](int) {
    products.multiply({.x = {x.data(), size, size, size},
                       .w = {w.data(), size, size, size},
                       .y = {y.data(), size, size, size}});
  });
  auto const side = static_cast<double>(size);
  return {2.0 * side * side * side / quantile(times, 0.5) * 1e6, ""};
}

}  // namespace talus::bench::gpu
