// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/tile_attention.hpp"

#include "tests/kernels/block/tile_attention_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::vector<float> const sinks = {0.5F, -1.0F, 3.0F, 0.0F, 1.0F, -2.0F, 0.25F, 4.0F};

/// Every length of a head that a shape of tiles is for, a last fragment of 16 elements where they
/// are read by 32, groups of heads that fill no tile, or more than one; latents, of which all is
/// value, too; windows, caps, sinks.
std::vector<Model> models(DType dtype) {
  return {{{1, 64, 64, false, dtype}, {3, 0, 3, 0, 0.125F}},
          {{2, 16, 48, false, dtype}, {6, 2, 4, 0, 0.25F}},
          {{1, 80, 80, false, dtype}, {17, 0, 17, 0, 0.11F, 0, 3.0F}},
          {{1, 128, 128, false, dtype}, {5, 3, 8, 0, 0.09F, 300, 0.0F, {sinks.data(), 5}}},
          {{1, 112, 192, false, dtype}, {2, 0, 2, 0, 0.1F, 64}},
          {{1, 256, 256, false, dtype}, {8, 0, 8, 0, 0.06F, 0, 0.0F, sinks}},
          {{1, 96, 272, false, dtype}, {2, 0, 2, 0, 0.1F, 70}},
          {{1, 64, 64, true, dtype}, {3, 0, 3, 0, 0.125F, 0, 0.0F, {sinks.data(), 3}}},
          {{1, 80, 32, true, dtype}, {33, 0, 33, 0, 0.1F, 200}},
          {{1, 576, 512, true, dtype}, {18, 0, 18, 0, 0.04F}}};
}

/// The same of int8, and some of e4m3, which differ in how codes become numbers alone.
std::vector<Model> some_models() {
  std::vector<Model> some = models(DType::i8);
  for (std::size_t const i : {std::size_t{1}, std::size_t{4}, std::size_t{8}}) {
    some.push_back(models(DType::f8_e4m3)[i]);
  }
  return some;
}

DType any_code() {
  return GENERATE(DType::i8, DType::f8_e4m3);
}

}  // namespace

TEST_CASE("attention over codes agrees with the reference around the ends of steps and pieces") {
  DType const dtype = any_code();
  auto const [rows, positions] = GENERATE(table<std::int64_t, std::int64_t>(
      {{1, 1}, {1, 63}, {2, 65}, {1, 255}, {3, 257}, {9, 260}, {70, 330}, {4, 514}}));
  for (Model const& model : models(dtype)) {
    check_last_rows(model, rows, positions);
  }
}

TEST_CASE("over codes, a query's bits are its own, whatever shape, tile and stage it has") {
  for (Model const& model : some_models()) {
    check_cuts(model);
  }
}

TEST_CASE("over codes, bits are the same for any blocks, chunks, batch and schedule") {
  for (Model const& model : some_models()) {
    check_batches(model);
  }
}

TEST_CASE(
    "a key or value of codes that isn't finite reaches the queries that see it, and no others") {
  DType const dtype = any_code();
  Model const model = GENERATE_COPY(Model{{1, 64, 64, false, dtype}, {3, 0, 3, 0, 0.125F, 40}},
                                    Model{{1, 96, 64, true, dtype}, {3, 0, 3, 0, 0.125F, 40}});
  float const flaw = GENERATE(as<float>{}, NAN, INFINITY);
  bool const is_in_values = GENERATE(false, true);
  std::int64_t const position = GENERATE(0, 63, 70);
  Sequence sequence = model.sequence(75, 1);
  Matrix const wanted = attend(on_cuda, model, {sequence}, {}).front();
  bool const is_latent = model.shape.value_in_key;
  Matrix& flawed = is_in_values && !is_latent ? sequence.values : sequence.keys;
  flawed.at(position, is_in_values || !is_latent ? 2 : 80) = flaw;

  Matrix const found = attend(on_cuda, model, {sequence}, {.chunk = 20}).front();

  for (std::int64_t t = 0; t < 75; ++t) {
    bool const is_seen = t >= position && t < position + 40;
    for (std::int64_t j = 0; j < found.cols; ++j) {
      if (is_seen) {
        REQUIRE_FALSE(std::isfinite(found.at(t, j)));
      } else {
        REQUIRE(found.at(t, j) == wanted.at(t, j));
      }
    }
  }
}

TEST_CASE("scales of any magnitude are those of a step's own positions") {
  DType const dtype = any_code();
  for (KvShape const& shape : {KvShape{1, 64, 64, false, dtype}, KvShape{1, 96, 64, true, dtype}}) {
    Model const model{shape, {2, 0, 2, 0, 0.02F}};
    Sequence sequence = model.sequence(150, 1);
    for (std::int64_t t = 0; t < 150; ++t) {
      float const of_keys = t % 7 == 0 ? 0.0F : std::ldexp(1.0F, static_cast<int>(t * 5 % 9) - 5);
      for (std::int64_t j = 0; j < sequence.keys.cols; ++j) {
        sequence.keys.at(t, j) *= j < 64 || !shape.value_in_key ? of_keys : 2.0F - of_keys;
      }
      for (std::int64_t j = 0; j < sequence.values.cols; ++j) {
        sequence.values.at(t, j) *= std::ldexp(1.0F, static_cast<int>(t * 3 % 13) - 9);
      }
    }

    Matrix const found = attend(on_cuda, model, {sequence}, {.chunk = 40}).front();

    Matrix const wanted = attend(on_reference, model, {sequence}, {}).front();
    CHECK(difference(found, wanted) < tolerance_of(model));
  }
}

TEST_CASE("codes whose 16 bytes don't begin at multiples of it have no tiles") {
  DType const dtype = any_code();
  using block::has_tiles;

  CHECK(has_tiles({1, 64, 48, false, dtype}));
  CHECK_FALSE(has_tiles({1, 72, 64, false, dtype}));
  CHECK_FALSE(has_tiles({1, 64, 72, false, dtype}));
  CHECK(has_tiles({1, 80, 64, true, dtype}));
  CHECK_FALSE(has_tiles({1, 80, 48, true, dtype}));
  CHECK_FALSE(has_tiles({1, 64, 528, false, dtype}));
}

TEST_CASE("blocks have room for two steps of codes on each kind of card") {
  constexpr std::int64_t on_8_0 = 163 << 10;
  DType const dtype = any_code();
  KvShape const latent{1, 576, 512, true, dtype};
  KvShape const long_heads{1, 256, 256, false, dtype};
  using block::attention_shape;
  using block::tile_attention_bytes;

  for (bool const is_few : {false, true}) {
    CHECK(tile_attention_bytes(attention_shape(512, is_few, dtype), latent, 2) <= on_8_0);
    CHECK(tile_attention_bytes(attention_shape(256, is_few, dtype), long_heads, 2) <= on_8_0);
  }
}
