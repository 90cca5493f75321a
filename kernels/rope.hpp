// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// How the components of a head pair up in a rotation: (i, i + rotary_dim / 2), or (2 i, 2 i + 1).
enum class RopePairs { halves, neighbours };

/// Which columns of a row are rotated.
struct RopeLayout {
  std::int64_t num_heads = 1;
  std::int64_t head_stride = 0;  ///< columns from one head to the next
  std::int64_t offset = 0;       ///< first rotated column of a head
  std::int64_t rotary_dim = 0;   ///< rotated columns of a head, even
  RopePairs pairs = RopePairs::halves;
};

/// The rotation of each position: cosines and sines, [positions, rotary_dim / 2] each, any scaling
/// of frequencies or amplitude included.
struct RopeTable {
  std::span<float const> cosines;
  std::span<float const> sines;
};

/// Rotary position embedding, in place:
/// (a, b) -> (a cos - b sin, b cos + a sin) for each pair (a, b) of each head.
///
/// \param x          [tokens, columns]
/// \param positions  [tokens], each within the table
/// \throws ConfigError  if the shapes do not match
///
/// Reference: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021.
void rope(ExecContext const& exec,
          MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout);

}  // namespace talus::kernels
