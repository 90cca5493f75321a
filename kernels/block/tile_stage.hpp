// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/block/block.hpp"
#include "kernels/block/quads.hpp"
#include "kernels/block/tile_plan.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::block {

/// y[t, o] = sum_i x[t, i] * w[o, i], of weights in bfloat16, and an input that is bfloat16 or will
/// be rounded to it.
template <class Input>
struct TileJob {
  MatrixView<Input const> x;
  MatrixView<std::uint16_t const> w;
  MatrixView<float> y;
  bool is_x_aligned = false;  ///< each 16 bytes of its rows begin at a multiple of 16
  bool is_w_aligned = false;
};

template <class T>
[[nodiscard]] bool rows_are_aligned(MatrixView<T> view) {
  constexpr std::int64_t vector_bytes = 16;
  std::int64_t const row_bytes = view.row_stride * static_cast<std::int64_t>(sizeof(T));
  return reinterpret_cast<std::uintptr_t>(view.data) % vector_bytes == 0 &&
         (view.rows < 2 || row_bytes % vector_bytes == 0);
}

/// Where a tile's products are in the job, and the steps in which they are staged.
struct TileWalk {
  std::int64_t first_row = 0;
  std::int64_t first_output = 0;
  std::int64_t inputs = 0;

  static constexpr std::int64_t part_steps = part_inputs / step_inputs;

  /// Steps of all rounds; a round is a part of each group.
  [[nodiscard]] constexpr std::int64_t num_steps(int groups) const {
    std::int64_t const rounds = inputs / (groups * part_inputs);
    std::int64_t const left = inputs - rounds * groups * part_inputs;
    std::int64_t const longest = left < part_inputs ? left : part_inputs;
    return rounds * part_steps + ceil_div(longest, step_inputs);
  }

  /// The first input of a group in a step; may be beyond the last.
  [[nodiscard]] constexpr std::int64_t first_input(std::int64_t step, int group, int groups) const {
    return (step / part_steps * groups + group) * part_inputs + step % part_steps * step_inputs;
  }
};

/// Brings a tile's weights and inputs to shared memory, step by step. What the matrices don't have
/// is zero.
template <TileShape Shape, class Input>
struct TileStage {
  static constexpr int vector_size = 8;
  static constexpr int row_vectors = static_cast<int>(step_inputs) / vector_size;
  static constexpr int row_quads = static_cast<int>(step_inputs / quad);
  static constexpr int thread_quads = Shape.groups * Shape.rows() * row_quads / Shape.threads();

  SharedSpan<std::uint16_t> weights;  ///< [stages, groups, outputs, staged_stride]
  SharedSpan<std::uint16_t> inputs;   ///< [stages, groups, rows, staged_stride]
  bool is_x_aligned = false;
  bool is_w_aligned = false;

  /// Inputs on their way from the device's memory, where a thread rounds them.
  struct Taken {
    Quad quads[static_cast<std::size_t>(thread_quads > 0 ? thread_quads : 1)];
  };

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE TileStage make(Block& block, TileJob<Input> const& job) {
    TileStage stage;
    stage.weights = shared_array<std::uint16_t>(block, Shape.staged_weights());
    stage.inputs = shared_array<std::uint16_t>(block, Shape.staged_rows());
    stage.is_x_aligned = job.is_x_aligned;
    stage.is_w_aligned = job.is_w_aligned;
    return stage;
  }

  /// Begins to bring a step's weights, and inputs that are bfloat16 already.
  template <class Block>
  TALUS_DEVICE void begin(Block& block,
                          TileJob<Input> const& job,
                          TileWalk const& walk,
                          std::int64_t step) const {
    if (step < walk.num_steps(Shape.groups)) {
      copy<Shape.outputs()>(block, job.w, is_w_aligned, walk.first_output, walk, step, weights);
      if constexpr (!Shape.rounds_input) {
        copy<Shape.rows()>(block, job.x, is_x_aligned, walk.first_row, walk, step, inputs);
      }
    }
    block.commit_copies();
  }

  /// Reads a step's inputs that have to be rounded.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Taken
  take(Block& block, TileJob<Input> const& job, TileWalk const& walk, std::int64_t step) const {
    Taken taken{};
    if constexpr (Shape.rounds_input) {
      TALUS_UNROLL
      for (int k = 0; k < thread_quads; ++k) {
        int const number = block.thread_index() + k * Shape.threads();
        int const row = number / row_quads;
        std::int64_t const t = walk.first_row + row % Shape.rows();
        std::int64_t const i =
            walk.first_input(step, row / Shape.rows(), Shape.groups) + number % row_quads * quad;
        if (t < job.x.rows && i < walk.inputs) {
          taken.quads[k] = load_quad(block, QuadMatrix<float const>{job.x, is_x_aligned}, t, i);
        }
      }
    }
    return taken;
  }

  /// Rounds and stages what take() read of a step.
  template <class Block>
  TALUS_DEVICE void put(Block& block, std::int64_t step, Taken const& taken) const {
    if constexpr (Shape.rounds_input) {
      int const first = static_cast<int>(step % Shape.stages) * Shape.groups * Shape.rows();
      TALUS_UNROLL
      for (int k = 0; k < thread_quads; ++k) {
        int const number = block.thread_index() + k * Shape.threads();
        Vector<std::uint16_t, quad> rounded;
        for (int i = 0; i < quad; ++i) {
          rounded[i] = float_to_bf16(taken.quads[k][i]);
        }
        int const to = (first + number / row_quads) * staged_stride + number % row_quads * 4;
        block.store(inputs, to, rounded);
      }
    }
  }

 private:
  /// Rows of a matrix of bfloat16, from `first_row` on, of each group: copies, or, where they don't
  /// begin as these want it, element by element.
  template <int Rows, class Block>
  TALUS_DEVICE void copy(Block& block,
                         MatrixView<std::uint16_t const> const& from,
                         bool is_aligned,
                         std::int64_t first_row,
                         TileWalk const& walk,
                         std::int64_t step,
                         SharedSpan<std::uint16_t> to) const {
    int const first = static_cast<int>(step % Shape.stages) * Shape.groups * Rows;
    for (int number = block.thread_index(); number < Shape.groups * Rows * row_vectors;
         number += Shape.threads()) {
      int const row = number / row_vectors;
      int const column = number % row_vectors * vector_size;
      std::int64_t const t = first_row + row % Rows;
      std::int64_t const i = walk.first_input(step, row / Rows, Shape.groups) + column;
      std::int64_t const left = t < from.rows ? walk.inputs - i : 0;
      int const count = static_cast<int>(left < 0 ? 0 : left < vector_size ? left : vector_size);
      int const place = (first + row) * staged_stride + column;
      if (is_aligned) {
        block.copy_async(to, place, from, t, i, width<vector_size>, count);
        continue;
      }
      Vector<std::uint16_t, vector_size> values{};
      for (int k = 0; k < vector_size; ++k) {
        if (k < count) {
          values[k] = block.load(from, t, i + k);
        }
      }
      block.store(to, place, values);
    }
  }
};

}  // namespace talus::kernels::block
