// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
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

  TALUS_DEVICE void end_rows(std::int64_t row) { x.rows = y.rows = row; }

  TALUS_DEVICE void take_weights(std::byte const* weights) {
    w.data = reinterpret_cast<std::uint16_t const*>(weights);
  }
};

/// Bytes that a thread copies at once.
inline constexpr std::int64_t vector_bytes = 16;

[[nodiscard]] inline bool is_vector_aligned(void const* address) {
  return reinterpret_cast<std::uintptr_t>(address) % vector_bytes == 0;
}

template <class T>
[[nodiscard]] bool rows_are_aligned(MatrixView<T> view) {
  std::int64_t const row_bytes = view.row_stride * static_cast<std::int64_t>(sizeof(T));
  return is_vector_aligned(view.data) && (view.rows < 2 || row_bytes % vector_bytes == 0);
}

/// Inputs whose products are summed by themselves, in order, at most part_inputs; and what is done
/// with their sum: it is added to the newest sums on a stack, and then pushed there.
struct TilePart {
  std::int32_t first = 0;
  std::int16_t count = 0;
  std::int8_t folds = 0;    ///< how many sums of the stack it is added to
  std::int8_t is_last = 0;  ///< 1: it is the whole sum then, and is stored
};

/// Part `number` of a sum over `inputs`, all of which are added one after another.
[[nodiscard]] constexpr TilePart part_of_sum(std::int64_t number, std::int64_t inputs) {
  std::int64_t const first = number * part_inputs;
  std::int64_t const left = inputs - first;
  return {static_cast<std::int32_t>(first),
          static_cast<std::int16_t>(left < part_inputs ? left : part_inputs),
          static_cast<std::int8_t>(number > 0 ? 1 : 0),
          static_cast<std::int8_t>(left <= part_inputs ? 1 : 0)};
}

/// Parts of such a sum: one, without inputs, even of none.
[[nodiscard]] constexpr std::int64_t parts_of_sum(std::int64_t inputs) {
  return inputs > part_inputs ? ceil_div(inputs, part_inputs) : 1;
}

/// A tile's place among the rows and outputs of its job.
struct TilePlace {
  std::int64_t first_row = 0;
  std::int64_t first_output = 0;
};

/// Where a block is in its sums: it goes through rounds, of a part for each group of warps, and
/// through a round in steps.
template <TileShape Shape>
struct TileCursor {
  SharedSpan<TilePart> parts;
  std::int32_t part = 0;  ///< the first one of the round
  std::int32_t step = 0;  ///< of the round
  std::int32_t steps = 0;
  std::int32_t number = 0;  ///< of all steps

  template <class Block>
  [[nodiscard]] static TALUS_DEVICE TileCursor at_begin(Block& block, SharedSpan<TilePart> parts) {
    TileCursor cursor{parts};
    cursor.count_steps(block);
    return cursor;
  }

  [[nodiscard]] TALUS_DEVICE bool is_done() const { return part >= parts.size; }

  [[nodiscard]] TALUS_DEVICE bool ends_round() const { return step + 1 == steps; }

  /// Where the step is staged.
  [[nodiscard]] TALUS_DEVICE int slot() const { return number % Shape.stages; }

  template <class Block>
  TALUS_DEVICE void advance(Block& block) {
    ++number;
    if (++step == steps) {
      step = 0;
      part += Shape.groups;
      count_steps(block);
    }
  }

  /// Inputs [first, last) of a group in this step; first may be beyond last.
  struct Inputs {
    std::int32_t first = 0;
    std::int32_t last = 0;
  };

  template <class Block>
  [[nodiscard]] TALUS_DEVICE Inputs inputs(Block& block, int group) const {
    if (part + group >= parts.size) {
      return {};
    }
    TilePart const own = block.load(parts, part + group);
    return {own.first + step * static_cast<std::int32_t>(step_inputs), own.first + own.count};
  }

 private:
  /// A round of parts without inputs has a step nevertheless.
  template <class Block>
  TALUS_DEVICE void count_steps(Block& block) {
    std::int32_t most = 1;
    for (int group = 0; group < Shape.groups && part + group < parts.size; ++group) {
      std::int32_t const count = block.load(parts, part + group).count;
      most = count > most ? count : most;
    }
    steps = (most + static_cast<std::int32_t>(step_inputs) - 1) /
            static_cast<std::int32_t>(step_inputs);
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
                          TilePlace const& place,
                          TileCursor<Shape> const& cursor) const {
    if (!cursor.is_done()) {
      copy<Shape.outputs()>(block, job.w, is_w_aligned, place.first_output, cursor, weights);
      if constexpr (!Shape.rounds_input) {
        copy<Shape.rows()>(block, job.x, is_x_aligned, place.first_row, cursor, inputs);
      }
    }
    block.commit_copies();
  }

  /// Reads a step's inputs that have to be rounded.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE Taken take(Block& block,
                                        TileJob<Input> const& job,
                                        TilePlace const& place,
                                        TileCursor<Shape> const& cursor) const {
    Taken taken{};
    if constexpr (Shape.rounds_input) {
      TALUS_UNROLL
      for (int k = 0; k < thread_quads; ++k) {
        int const number = block.thread_index() + k * Shape.threads();
        int const row = number / row_quads;
        std::int64_t const t = place.first_row + row % Shape.rows();
        auto const own = cursor.inputs(block, row / Shape.rows());
        std::int32_t const i = own.first + number % row_quads * 4;
        if (t < job.x.rows && i < own.last) {
          MatrixView<float const> const x{job.x.data, job.x.rows, own.last, job.x.row_stride};
          taken.quads[k] = load_quad(block, QuadMatrix<float const>{x, is_x_aligned}, t, i);
        }
      }
    }
    return taken;
  }

  /// Rounds and stages what take() read of a step.
  template <class Block>
  TALUS_DEVICE void put(Block& block, int slot, Taken const& taken) const {
    if constexpr (Shape.rounds_input) {
      int const first = slot * Shape.groups * Shape.rows();
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
                         TileCursor<Shape> const& cursor,
                         SharedSpan<std::uint16_t> to) const {
    int const first = cursor.slot() * Shape.groups * Rows;
    for (int number = block.thread_index(); number < Shape.groups * Rows * row_vectors;
         number += Shape.threads()) {
      int const row = number / row_vectors;
      int const column = number % row_vectors * vector_size;
      std::int64_t const t = first_row + row % Rows;
      auto const own = cursor.inputs(block, row / Rows);
      std::int32_t const i = own.first + column;
      std::int32_t const left = t < from.rows ? own.last - i : 0;
      int const count = left < 0 ? 0 : left < vector_size ? left : vector_size;
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
