// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/block/tile_attention_shape.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/long_context.hpp"

/// \file
/// What is asked of attention by tensor cores, whatever keys and values are stored in.

namespace talus::kernels {

/// Attention on an emulated device whose blocks have so much shared memory.
[[nodiscard]] inline auto with_shared_memory(Model const& model,
                                             std::int64_t bytes,
                                             std::int64_t most_split_rows) {
  return [&model, bytes, most_split_rows](
             PagedBatch const& batch, auto q, KvCache const& cache, auto out) {
    block::emulation::EmulatedDevice device{{block::emulation::Schedule::Order::random, 5}};
    device.set_most_shared_bytes(bytes);
    block::paged_attention(device, batch, model.heads, q, cache, out, most_split_rows);
  };
}

[[nodiscard]] inline std::int64_t shared_bytes(Model const& model,
                                               bool is_few,
                                               std::int64_t stages) {
  block::AttentionShape const shape =
      block::attention_shape(block::tile_values(model.shape), is_few, model.shape.dtype);
  return block::tile_attention_bytes(shape, model.shape, stages);
}

/// That the last `rows` of a context agree with the reference.
inline void check_last_rows(Model const& model, std::int64_t rows, std::int64_t positions) {
  INFO("key_dim " << model.shape.key_dim << ", " << positions << " positions");
  REQUIRE(block::has_tiles(model.shape));

  Matrix const found = LongContext{on_cuda, model, positions}.last_on(on_cuda, rows);

  Matrix const wanted = LongContext{on_reference, model, positions}.last_on(on_reference, rows);
  CHECK(difference(found, wanted) < tolerance_of(model));
}

/// That the bits of rows don't depend on shape, tile, stages and the sharing out of pieces.
inline void check_cuts(Model const& model) {
  LongContext const context{on_cuda, model, 270};
  INFO("key_dim " << model.shape.key_dim << ", value_dim " << model.shape.value_dim);
  Matrix const wanted = context.last_on(on_cuda, 4);  // split, by the shape for a few

  for (bool const is_few : {false, true}) {
    for (std::int64_t const stages : {1, 2}) {
      std::int64_t const bytes = shared_bytes(model, is_few, stages);
      INFO(is_few << ", " << stages << " stages");
      CHECK(context.last(4, with_shared_memory(model, bytes, 0)) == wanted);
      CHECK(context.last(4, with_shared_memory(model, bytes, 4)) == wanted);
    }
  }
  Matrix const plain = context.last(4, with_shared_memory(model, 1000, 4));
  CHECK(plain != wanted);
  CHECK(difference(plain, wanted) < tolerance_of(model));
  Matrix const more = context.last_on(on_cuda, 21);
  for (std::int64_t t = 0; t < 4; ++t) {
    for (std::int64_t j = 0; j < wanted.cols; ++j) {
      REQUIRE(more.at(17 + t, j) == wanted.at(t, j));
    }
  }
}

/// That they don't depend on blocks of the cache, chunks, batch and schedule: the latter where keys
/// are short.
inline void check_batches(Model const& model) {
  std::vector<Sequence> const sequences = {
      model.sequence(70, 1), model.sequence(3, 2), model.sequence(20, 3)};
  std::vector<Matrix> const wanted = attend(on_cuda, model, sequences, {});
  INFO("key_dim " << model.shape.key_dim << ", value_dim " << model.shape.value_dim);

  CHECK(attend(on_cuda, model, sequences, {.block_tokens = 48, .shuffle = 6}) == wanted);
  CHECK(attend(on_cuda, model, sequences, {.block_tokens = 128, .chunk = 33}) == wanted);
  CHECK(attend(on_cuda, model, {sequences[2]}, {.chunk = 1}).front() == wanted[2]);
  if (model.shape.key_dim < 100) {
    check_schedules(wanted, [&] { return attend(on_cuda, model, sequences, {.chunk = 64}); });
  }
}

}  // namespace talus::kernels
