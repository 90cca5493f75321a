// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/tile_attention.hpp"

#include "tests/kernels/block/tile_attention_support.hpp"

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

}  // namespace

TEST_CASE("tensor cores' attention agrees with the reference around the ends of steps and pieces") {
  auto const [rows, positions] = GENERATE(table<std::int64_t, std::int64_t>(
      {{1, 1}, {1, 63}, {2, 65}, {1, 255}, {3, 257}, {9, 260}, {70, 330}, {4, 514}}));
  for (Model const& model : models()) {
    check_last_rows(model, rows, positions);
  }
}

TEST_CASE("a query's bits are its own, whatever shape, tile and stage it has") {
  for (Model const& model : models()) {
    check_cuts(model);
  }
}

TEST_CASE("tensor cores give the same bits for any blocks, chunks, batch and schedule") {
  for (Model const& model : models()) {
    check_batches(model);
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
    CHECK(tile_attention_bytes(attention_shape(512, is_few, DType::bf16), latent, 1) <= on_8_0);
    CHECK(tile_attention_bytes(attention_shape(512, is_few, DType::bf16), latent, 2) <= on_9_0);
    CHECK(tile_attention_bytes(attention_shape(256, is_few, DType::bf16), long_heads, 1) <= on_8_0);
    CHECK(tile_attention_bytes(attention_shape(256, is_few, DType::bf16), long_heads, 2) <= on_9_0);
    CHECK(tile_attention_bytes(attention_shape(128, is_few, DType::bf16), heads, 2) <=
          on_8_0 / 2 + 20000);
  }
}
