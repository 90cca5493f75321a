// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/add_rms_norm.hpp"
#include "kernels/block/block.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/rms_norm.hpp"

namespace talus::kernels::block {

/// x += factor * norm(y); then normed = norm(x). Sums in the order of RmsNorm.
///
/// A thread has a row's quads of its number modulo the team's threads, in registers between passes
/// as long as there is room.
///
/// Grid: rows. Block: the team of a row. Shared memory: of a block's team, two floats a warp.
struct AddRmsNorm {
  static constexpr char const* name = "talus::kernels::add_rms_norm";
  static constexpr int kept_quads = 8;  ///< of a thread: of rows of up to 8,192 elements, all

  QuadMatrix<float const> y;
  QuadMatrix<float> x;
  QuadMatrix<float> normed;
  QuadMatrix<float const> before;  ///< one row, or no columns: no norm
  QuadMatrix<float const> after;   ///< likewise
  float epsilon = 0.0F;
  float factor = 1.0F;
  NormTeam team;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    Quad kept[std::size_t{kept_quads}];
    std::int64_t const t = block.block_index().x;
    float const y_scale = before.view.cols > 0 ? y_norm_scale(block, t, kept) : 1.0F;
    float const sum = add(block, t, y_scale, kept);
    if (after.view.cols > 0) {
      normalize(block, t, scale_of(block, sum), kept);
    }
  }

 private:
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float scale_of(Block& block, float sum) const {
    return norm_scale(team.total(block, sum), team.size, epsilon);
  }

  /// Calls visit(j, quad, whether it is kept) for the thread's quads in order.
  template <class Block, class Visit>
  TALUS_DEVICE void each_own_quad(Block& block,
                                  Quad (&kept)[std::size_t{kept_quads}],
                                  Visit const& visit) const {
    std::int64_t const step = team.threads() * quad;
    std::int64_t j = block.thread_index() * quad;
    TALUS_UNROLL
    for (int i = 0; i < kept_quads; ++i) {
      if (j < team.size) {
        visit(j, kept[i], true);
      }
      j += step;
    }
    for (; j < team.size; j += step) {
      Quad passing{};
      visit(j, passing, false);
    }
  }

  /// Reads y.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float y_norm_scale(Block& block,
                                                std::int64_t t,
                                                Quad (&kept)[std::size_t{kept_quads}]) const {
    float sum = 0.0F;
    each_own_quad(block, kept, [&](std::int64_t j, Quad& values, bool) {
      values = load_quad(block, y, t, j);
      sum = add_squares(values, sum);
    });
    return scale_of(block, sum);
  }

  /// Adds y, normalised where it is to be; the sum of the thread's squares of the result.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE float add(Block& block,
                                       std::int64_t t,
                                       float y_scale,
                                       Quad (&kept)[std::size_t{kept_quads}]) const {
    bool const has_norm = before.view.cols > 0;
    float sum = 0.0F;
    each_own_quad(block, kept, [&](std::int64_t j, Quad& values, bool is_kept) {
      if (!has_norm || !is_kept) {
        values = load_quad(block, y, t, j);
      }
      if (has_norm) {
        values = normalized(values, y_scale, load_quad(block, before, 0, j));
      }
      Quad const addends = values;
      values = load_quad(block, x, t, j);
      for (int k = 0; k < quad; ++k) {
        values[k] += factor * addends[k];
      }
      sum = add_squares(values, sum);
      store_quad(block, x, t, j, values);
    });
    return sum;
  }

  /// Where x wasn't kept, a thread reads what it has written.
  template <class Block>
  TALUS_DEVICE void normalize(Block& block,
                              std::int64_t t,
                              float scale,
                              Quad (&kept)[std::size_t{kept_quads}]) const {
    each_own_quad(block, kept, [&](std::int64_t j, Quad& values, bool is_kept) {
      if (!is_kept) {
        values = load_quad(block, x, t, j);
      }
      store_quad(block, normed, t, j, normalized(values, scale, load_quad(block, after, 0, j)));
    });
  }
};

template <class Device>
void add_rms_norm(Device& device,
                  AddNorms const& norms,
                  MatrixView<float const> y,
                  MatrixView<float> x,
                  MatrixView<float> normed) {
  if (x.rows == 0 || x.cols == 0) {
    return;
  }
  NormTeam const team{x.cols};
  int const threads = team.threads();
  device.launch({{x.rows}, threads, 2 * shared_bytes_of<float>(reduce_floats(threads))},
                AddRmsNorm{by_quads(y),
                           by_quads(x),
                           by_quads(normed),
                           row_of(device, norms.before),
                           row_of(device, norms.after),
                           norms.epsilon,
                           norms.factor,
                           team});
}

}  // namespace talus::kernels::block
