// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/reduce.hpp"
#include "kernels/rms_norm.hpp"

namespace talus::kernels::block {

/// The sum and the squares of a quad's elements, in order, fused.
[[nodiscard]] TALUS_DEVICE inline float add_squares(Quad const& values, float sum) {
  for (int k = 0; k < quad; ++k) {
    sum = multiply_add(values[k], values[k], sum);
  }
  return sum;
}

/// What elements are multiplied by, of which `sum` is that of the squares.
[[nodiscard]] TALUS_DEVICE inline float norm_scale(float sum, std::int64_t size, float epsilon) {
  return 1.0F / sqrtf(sum / static_cast<float>(size) + epsilon);
}

[[nodiscard]] TALUS_DEVICE inline Quad normalized(Quad const& values,
                                                  float scale,
                                                  Quad const& weights) {
  Quad result;
  for (int k = 0; k < quad; ++k) {
    result[k] = weights[k] * (values[k] * scale);
  }
  return result;
}

/// A piece of a row is a warp's up to this size, and a block's beyond it.
inline constexpr std::int64_t most_of_a_warp = 1024;

/// The threads that share one piece of a row, a warp or a block, and the order in which they sum:
/// each takes the quads of its number modulo their count, in order, fused; then the tree. Decided
/// by the size of a piece alone.
struct NormTeam {
  std::int64_t size = 0;  ///< of a piece

  [[nodiscard]] constexpr bool is_warp() const { return size <= most_of_a_warp; }

  /// Warps of a block. Several pieces share a block where each is a warp's.
  [[nodiscard]] static constexpr int num_warps() { return 8; }

  [[nodiscard]] constexpr int pieces_of_a_block() const { return is_warp() ? num_warps() : 1; }

  [[nodiscard]] constexpr int threads() const {
    return is_warp() ? warp_size : num_warps() * warp_size;
  }

  /// The sum of the squares of x[t, first + j], to all threads of the team; they need not have any.
  template <class Block, class T>
  [[nodiscard]] TALUS_DEVICE float square_sum(Block& block,
                                              QuadMatrix<T> const& x,
                                              std::int64_t t,
                                              bool has_piece) const {
    float sum = 0.0F;
    int const own = block.thread_index() % threads();
    for (std::int64_t j = own * quad; has_piece && j < size; j += threads() * quad) {
      sum = add_squares(load_quad(block, x, t, j), sum);
    }
    return total(block, sum);
  }

  /// What the team's threads have summed, all together, to each of them. A block's team takes
  /// shared memory for it: one float a warp, each time.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float total(Block& block, float sum) const {
    if (is_warp()) {
      return warp_reduce<Sum>(block, sum);
    }
    auto const partial = shared_array<float>(block, reduce_floats(block.num_threads()));
    return block_reduce<Sum>(block, sum, partial);
  }
};

/// Which piece of which row a thread works on.
struct NormPiece {
  std::int64_t t = 0;
  std::int64_t number = 0;  ///< of the piece in the row
  bool exists = false;
};

template <class Block>
[[nodiscard]] TALUS_DEVICE NormPiece piece_of(Block& block,
                                              NormTeam const& team,
                                              std::int64_t num_pieces) {
  std::int64_t const number =
      block.block_index().y * team.pieces_of_a_block() + block.thread_index() / team.threads();
  return {block.block_index().x, number, number < num_pieces};
}

/// Grid: rows, blocks of pieces. Block: eight warps. Shared memory: one float a warp.
struct RmsNorm {
  static constexpr char const* name = "talus::kernels::rms_norm";

  MatrixView<float const> x;
  QuadMatrix<float const> weight;  ///< one row
  float epsilon = 0.0F;
  MatrixView<float> y;
  bool is_aligned = false;  ///< every piece, of x and of y
  NormTeam team;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    NormPiece const piece = piece_of(block, team, x.cols / team.size);
    std::int64_t const first = piece.exists ? piece.number * team.size : 0;
    QuadMatrix<float const> const in{columns_of(x, first, team.size), is_aligned};
    QuadMatrix<float> const out{columns_of(y, first, team.size), is_aligned};
    float const sum = team.square_sum(block, in, piece.t, piece.exists);
    float const scale = norm_scale(sum, team.size, epsilon);
    int const own = block.thread_index() % team.threads();
    for (std::int64_t j = own * quad; piece.exists && j < team.size; j += team.threads() * quad) {
      Quad const values = load_quad(block, in, piece.t, j);
      Quad const weights = load_quad(block, weight, 0, j);
      store_quad(block, out, piece.t, j, normalized(values, scale, weights));
    }
  }
};

/// Grid, block and shared memory as RmsNorm.
struct SquareSums {
  static constexpr char const* name = "talus::kernels::square_sums";

  MatrixView<float const> x;
  MatrixView<float> sums;
  bool is_aligned = false;
  NormTeam team;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    NormPiece const piece = piece_of(block, team, sums.cols);
    std::int64_t const first = piece.exists ? piece.number * team.size : 0;
    QuadMatrix<float const> const in{columns_of(x, first, team.size), is_aligned};
    float const sum = team.square_sum(block, in, piece.t, piece.exists);
    if (piece.exists && block.thread_index() % team.threads() == 0) {
      block.store(sums, piece.t, piece.number, sum);
    }
  }
};

/// Grid: rows. Block: threads share the columns; each sums the few heads for itself, in order.
struct ScaleBySums {
  static constexpr char const* name = "talus::kernels::scale_by_sums";

  MatrixView<float const> sums;
  QuadMatrix<float const> weight;  ///< one row
  RowNorm norm;
  QuadMatrix<float> x;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    std::int64_t const t = block.block_index().x;
    float sum = 0.0F;
    for (std::int64_t h = 0; h < sums.cols; ++h) {
      sum += block.load(sums, t, h);
    }
    float const scale = norm_scale(sum, norm.size, norm.epsilon);
    for (std::int64_t j = block.thread_index() * quad; j < x.view.cols;
         j += block.num_threads() * quad) {
      Quad const values = load_quad(block, x, t, j);
      store_quad(block, x, t, j, normalized(values, scale, load_quad(block, weight, 0, j)));
    }
  }
};

/// The shape that runs a team on each of `pieces` pieces of each row.
[[nodiscard]] inline LaunchShape shape_of(NormTeam const& team,
                                          std::int64_t rows,
                                          std::int64_t pieces) {
  int const threads = NormTeam::num_warps() * warp_size;
  return {{rows, ceil_div(pieces, team.pieces_of_a_block())},
          threads,
          shared_bytes_of<float>(reduce_floats(threads))};
}

/// Whether every piece of every row begins at a whole quad.
template <class T>
[[nodiscard]] bool has_aligned_pieces(MatrixView<T> x, std::int64_t size) {
  return by_quads(x).is_aligned && (size % quad == 0 || size == x.cols);
}

template <class Device>
void rms_norm(Device& device,
              MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y) {
  NormTeam const team{std::ssize(weight)};
  if (x.rows == 0 || x.cols == 0) {
    return;
  }
  bool const is_aligned = has_aligned_pieces(x, team.size) && has_aligned_pieces(y, team.size);
  device.launch(shape_of(team, x.rows, x.cols / team.size),
                RmsNorm{x, row_of(device, weight), epsilon, y, is_aligned, team});
}

template <class Device>
void square_sums(Device& device,
                 MatrixView<float const> x,
                 std::int64_t head_dim,
                 MatrixView<float> sums) {
  if (x.rows == 0 || sums.cols == 0) {
    return;
  }
  NormTeam const team{head_dim};
  device.launch(shape_of(team, x.rows, sums.cols),
                SquareSums{x, sums, has_aligned_pieces(x, head_dim), team});
}

template <class Device>
void scale_by_sums(Device& device,
                   MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x) {
  if (x.rows == 0 || x.cols == 0) {
    return;
  }
  device.launch({{x.rows}, 256}, ScaleBySums{sums, row_of(device, weight), norm, by_quads(x)});
}

}  // namespace talus::kernels::block
