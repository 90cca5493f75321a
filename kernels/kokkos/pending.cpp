// SPDX-License-Identifier: Apache-2.0
#include "kernels/backends.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::kokkos {

void add(MatrixView<float const>, MatrixView<float>) {
  throw NotBuiltError{"kokkos: add (not built yet)"};
}

void silu_mul(MatrixView<float const>, MatrixView<float>) {
  throw NotBuiltError{"kokkos: silu_mul (not built yet)"};
}

void gather_rows(RowTable const&, std::span<std::int32_t const>, MatrixView<float>) {
  throw NotBuiltError{"kokkos: gather_rows (not built yet)"};
}

void select_rows(MatrixView<float const>, std::span<std::int32_t const>, MatrixView<float>) {
  throw NotBuiltError{"kokkos: select_rows (not built yet)"};
}

void rms_norm(MatrixView<float const>, std::span<float const>, float, MatrixView<float>) {
  throw NotBuiltError{"kokkos: rms_norm (not built yet)"};
}

void rope(MatrixView<float>, std::span<std::int32_t const>, RopeTable const&, RopeLayout const&) {
  throw NotBuiltError{"kokkos: rope (not built yet)"};
}

void store_kv(PagedBatch const&, MatrixView<float const>, MatrixView<float const>, KvCache&) {
  throw NotBuiltError{"kokkos: store_kv (not built yet)"};
}

void paged_attention(PagedBatch const&,
                     AttentionHeads const&,
                     MatrixView<float const>,
                     KvCache const&,
                     MatrixView<float>) {
  throw NotBuiltError{"kokkos: paged_attention (not built yet)"};
}

void route(MatrixView<float const>,
           std::span<float const>,
           RoutingRule const&,
           std::span<std::int32_t>,
           std::span<float>) {
  throw NotBuiltError{"kokkos: route (not built yet)"};
}

void combine_experts(MatrixView<float const>,
                     std::span<std::int32_t const>,
                     std::span<float const>,
                     MatrixView<float>) {
  throw NotBuiltError{"kokkos: combine_experts (not built yet)"};
}

void sample(MatrixView<float const>, std::span<SampleRule const>, std::span<std::int32_t>) {
  throw NotBuiltError{"kokkos: sample (not built yet)"};
}

void log_sum_exp(MatrixView<float const>, std::span<float>) {
  throw NotBuiltError{"kokkos: log_sum_exp (not built yet)"};
}

void top_tokens(std::span<float const>, std::span<std::int32_t>) {
  throw NotBuiltError{"kokkos: top_tokens (not built yet)"};
}

std::int32_t rank_of(std::span<float const>, std::int32_t) {
  throw NotBuiltError{"kokkos: rank_of (not built yet)"};
}

}  // namespace talus::kernels::kokkos
