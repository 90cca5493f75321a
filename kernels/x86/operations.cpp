// SPDX-License-Identifier: Apache-2.0
#include "kernels/lanes/quantized_functions.hpp"
#include "kernels/x86/base_target.hpp"
#include "kernels/x86/tile_layout.hpp"

namespace talus::kernels::TALUS_TARGET {
namespace {

#if TALUS_TARGET_HAS_TILES
/// The base target's panels are what tiles want.
std::int64_t bytes_for_tiles(std::int64_t out, std::int64_t in, DType dtype) {
  std::int64_t const bytes = TALUS_BASE_TARGET::operations().weight_bytes(out, in, dtype);
  // The last tile of the last panel may read beyond its inputs.
  std::int64_t const beyond = dtype == DType::bf16 ? tile_inputs * tile_outputs : 0;
  return bytes + beyond * size_of(dtype);
}
#endif

/// This target's matmuls for bfloat16, the base target's for all other weights.
Operations const& matmuls_for(DType dtype) {
  static Operations const own{.matmul = matmul,
                              .matmul_leaves = matmul_leaves,
                              .grouped_matmul = grouped_matmul,
                              .matmul_heads = matmul_heads};
  static Operations const base = TALUS_BASE_TARGET::operations();
  return dtype == DType::bf16 ? own : base;
}

}  // namespace

Operations operations() noexcept {
  Operations table = TALUS_BASE_TARGET::operations();
#if TALUS_TARGET_HAS_TILES
  table.codes = code_operations();
  table.paged_attention = paged_attention;
  table.weight_bytes = bytes_for_tiles;
#endif
  table.matmul = [](ExecContext const& exec,
                    MatrixView<float const> x,
                    PackedWeights const& w,
                    MatrixView<float> y) { matmuls_for(w.dtype()).matmul(exec, x, w, y); };
  table.matmul_leaves = [](ExecContext const& exec,
                           MatrixView<float const> x,
                           PackedWeights const& w,
                           LeafSums const& sums,
                           std::span<MatrixView<float> const> partials) {
    matmuls_for(w.dtype()).matmul_leaves(exec, x, w, sums, partials);
  };
  table.grouped_matmul = [](ExecContext const& exec,
                            MatrixView<float const> x,
                            RowsByExpert const& cut,
                            std::span<PackedWeights const> experts,
                            MatrixView<float> y) {
    matmuls_for(experts.front().dtype()).grouped_matmul(exec, x, cut, experts, y);
  };
  table.matmul_heads = [](ExecContext const& exec,
                          MatrixView<float const> x,
                          std::span<PackedWeights const> heads,
                          HeadStrides const& strides,
                          MatrixView<float> y) {
    matmuls_for(heads.front().dtype()).matmul_heads(exec, x, heads, strides, y);
  };
  return table;
}

}  // namespace talus::kernels::TALUS_TARGET
