// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/tile_attention.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/long_context.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::vector<float> const sinks = {0.5F, -1.0F, 3.0F, 0.0F, 1.0F, -2.0F, 0.25F, 4.0F};

/// Every length of a head that a shape of tiles is for, and beside; groups of heads that fill no
/// tile, or more than one; latents; windows, caps, sinks.
std::vector<Model> models() {
  constexpr DType bf16 = DType::bf16;
  return {{{1, 64, 64, false, bf16}, {3, 0, 3, 0, 0.125F}},
          {{1, 80, 80, false, bf16}, {17, 0, 17, 0, 0.11F, 0, 3.0F}},
          {{2, 96, 96, false, bf16}, {4, 0, 2, 0, 0.1F, 70}},
          {{1, 128, 128, false, bf16}, {5, 3, 8, 0, 0.09F, 300, 0.0F, {sinks.data(), 5}}},
          {{1, 192, 128, false, bf16}, {2, 0, 2, 0, 0.07F}},
          {{1, 72, 192, false, bf16}, {2, 0, 2, 0, 0.1F, 64}},
          {{1, 256, 256, false, bf16}, {8, 0, 8, 0, 0.06F, 0, 0.0F, sinks}},
          {{1, 88, 72, true, bf16}, {33, 0, 33, 0, 0.1F, 200}},
          {{1, 576, 512, true, bf16}, {18, 0, 18, 0, 0.04F}}};
}

/// Attention on an emulated device whose blocks have so much shared memory.
auto with_shared_memory(Model const& model, std::int64_t bytes, std::int64_t most_split_rows) {
  return [&model, bytes, most_split_rows](
             PagedBatch const& batch, auto q, KvCache const& cache, auto out) {
    block::emulation::EmulatedDevice device{{block::emulation::Schedule::Order::random, 5}};
    device.set_most_shared_bytes(bytes);
    block::paged_attention(device, batch, model.heads, q, cache, out, most_split_rows);
  };
}

std::int64_t shared_bytes(Model const& model, bool is_few, std::int64_t stages) {
  std::int64_t const dim = model.shape.value_dim;
  int const longest = dim <= 64 ? 64 : dim <= 128 ? 128 : dim <= 256 ? 256 : 512;
  return block::tile_attention_bytes(block::attention_shape(longest, is_few), model.shape, stages);
}

}  // namespace

TEST_CASE("tensor cores' attention agrees with the reference around the ends of steps and pieces") {
  auto const [rows, positions] = GENERATE(table<std::int64_t, std::int64_t>(
      {{1, 1}, {1, 63}, {2, 65}, {1, 255}, {3, 257}, {9, 260}, {70, 330}, {4, 514}}));
  for (Model const& model : models()) {
    REQUIRE(block::has_tiles(model.shape));
    LongContext const context{on_cuda, model, positions};
    INFO("key_dim " << model.shape.key_dim << ", " << positions << " positions");

    Matrix const found = context.last_on(on_cuda, rows);

    CHECK(
        difference(found, LongContext{on_reference, model, positions}.last_on(on_reference, rows)) <
        tile_tolerance);
  }
}

TEST_CASE("a query's bits are its own, whatever shape, tile and stage it has") {
  std::int64_t const positions = 270;
  for (Model const& model : models()) {
    LongContext const context{on_cuda, model, positions};
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
    CHECK(difference(plain, wanted) < tile_tolerance);
    Matrix const more = context.last_on(on_cuda, 21);
    for (std::int64_t t = 0; t < 4; ++t) {
      for (std::int64_t j = 0; j < wanted.cols; ++j) {
        REQUIRE(more.at(17 + t, j) == wanted.at(t, j));
      }
    }
  }
}

TEST_CASE("tensor cores give the same bits for any blocks, chunks, batch and schedule") {
  for (Model const& model : models()) {
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
}

TEST_CASE("what isn't finite reaches the queries that see it, and no others") {
  Model const model{{1, 64, 64, false, DType::bf16}, {3, 0, 3, 0, 0.125F}};
  float const flaw = GENERATE(as<float>{}, NAN, INFINITY);
  bool const is_in_values = GENERATE(false, true);
  std::int64_t const position = GENERATE(0, 5, 63, 64, 70);
  Sequence sequence = model.sequence(75, 1);
  Matrix const wanted = attend(on_cuda, model, {sequence}, {}).front();
  (is_in_values ? sequence.values : sequence.keys).at(position, 2) = flaw;

  Matrix const found = attend(on_cuda, model, {sequence}, {.chunk = GENERATE(1, 20, 100)}).front();

  for (std::int64_t t = 0; t < 75; ++t) {
    if (t < position) {
      for (std::int64_t j = 0; j < found.cols; ++j) {
        REQUIRE(found.at(t, j) == wanted.at(t, j));
      }
    } else if (is_in_values || std::isnan(flaw)) {
      REQUIRE_FALSE(std::isfinite(found.at(t, 2)));
    }
  }
}

TEST_CASE("blocks of every shape have room for a step of the longest heads on each kind of card") {
  constexpr std::int64_t on_8_0 = 163 << 10;
  constexpr std::int64_t on_9_0 = 227 << 10;
  KvShape const latent{1, 576, 512, true, DType::bf16};
  KvShape const long_heads{1, 256, 256, false, DType::bf16};
  KvShape const heads{1, 128, 128, false, DType::bf16};
  using block::attention_shape;
  using block::tile_attention_bytes;

  for (bool const is_few : {false, true}) {
    CHECK(tile_attention_bytes(attention_shape(512, is_few), latent, 1) <= on_8_0);
    CHECK(tile_attention_bytes(attention_shape(512, is_few), latent, 2) <= on_9_0);
    CHECK(tile_attention_bytes(attention_shape(256, is_few), long_heads, 1) <= on_8_0);
    CHECK(tile_attention_bytes(attention_shape(256, is_few), long_heads, 2) <= on_9_0);
    CHECK(tile_attention_bytes(attention_shape(128, is_few), heads, 2) <= on_8_0 / 2 + 20000);
  }
}
