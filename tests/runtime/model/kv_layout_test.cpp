// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/kv_layout.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only

namespace {

constexpr std::int64_t any_length = 1 << 20;

/// A model whose every `period`-th layer sees all keys, and the others a window.
ModelSpec alternating(std::int64_t num_layers, std::int64_t period, std::int64_t window) {
  ModelSpec spec;
  for (std::int64_t i = 0; i < num_layers; ++i) {
    LayerSpec layer;
    layer.attention.heads = 8;
    layer.attention.kv_heads = 4;
    layer.attention.head_dim = 16;
    layer.attention.value_dim = 16;
    layer.attention.window = (i + 1) % period == 0 ? 0 : window;
    spec.layers.push_back(layer);
  }
  return spec;
}

std::int64_t num_slots(KvLayout const& layout, ModelSpec const& spec, ShardPlace const& place) {
  return static_cast<std::int64_t>(slot_shapes(layout, spec, place, DType::f32).size());
}

/// No two layers of a group share a slot, and each layer's group has the layer's window.
void check_places(KvLayout const& layout, ModelSpec const& spec, std::int32_t num_stages) {
  REQUIRE(layout.layers.size() == spec.layers.size());
  for (std::int32_t stage = 0; stage < num_stages; ++stage) {
    Range const layers = layers_of(spec, {.pp_rank = stage, .pp_size = num_stages});
    std::set<std::pair<std::int32_t, std::int32_t>> taken;
    for (std::int64_t i = layers.first; i < layers.last; ++i) {
      KvPlace const place = layout.layers[static_cast<std::size_t>(i)];
      CHECK(taken.emplace(place.group, place.slot).second);
      CHECK(layout.windows.at(static_cast<std::size_t>(place.group)) ==
            spec.layers[static_cast<std::size_t>(i)].attention.window);
    }
  }
}

}  // namespace

TEST_CASE("a model with one kind of layer has one group, and a cache for each layer") {
  auto const window = GENERATE(0, 128);
  auto const num_stages = GENERATE(1, 3);
  ModelSpec const spec = alternating(10, window == 0 ? 1 : 100, window);

  KvLayout const layout = make_kv_layout(spec, num_stages, any_length);

  CHECK(layout.windows == std::vector<std::int64_t>{window});
  check_places(layout, spec, num_stages);
  for (std::int32_t stage = 0; stage < num_stages; ++stage) {
    ShardPlace const place{.pp_rank = stage, .pp_size = num_stages};
    CHECK(num_slots(layout, spec, place) == layers_of(spec, place).size());
  }
}

TEST_CASE("alternating layers make two groups that share half as many caches") {
  ModelSpec const spec = alternating(24, 2, 128);
  KvLayout const layout = make_kv_layout(spec, 1, any_length);

  CHECK(layout.windows == std::vector<std::int64_t>{128, 0});
  CHECK(num_slots(layout, spec, {}) == 12);
  check_places(layout, spec, 1);
}

TEST_CASE("five layers with a window for each one without make several groups of about one size") {
  ModelSpec const small = alternating(34, 6, 1024);  // 29 and 5
  KvLayout const layout = make_kv_layout(small, 1, any_length);
  CHECK(layout.num_groups() == 7);
  CHECK(num_slots(layout, small, {}) == 5);
  check_places(layout, small, 1);

  ModelSpec const large = alternating(62, 6, 1024);  // 52 and 10
  KvLayout const other = make_kv_layout(large, 1, any_length);
  CHECK(std::count(other.windows.begin(), other.windows.end(), 0) == 1);
  CHECK(num_slots(other, large, {}) <= 11);
  check_places(other, large, 1);
}

TEST_CASE("all stages have the same groups, also where layers don't divide") {
  auto const num_stages = GENERATE(1, 2, 3, 4, 5, 7);
  auto const period = GENERATE(2, 3, 6);
  CAPTURE(num_stages, period);
  ModelSpec const spec = alternating(26, period, 64);

  KvLayout const layout = make_kv_layout(spec, num_stages, any_length);

  CHECK(layout.num_groups() >= 2);
  CHECK(layout.num_groups() <= 12);
  check_places(layout, spec, num_stages);
  for (std::int32_t stage = 0; stage < num_stages; ++stage) {
    ShardPlace const place{.pp_rank = stage, .pp_size = num_stages};
    CHECK(num_slots(layout, spec, place) <= layers_of(spec, place).size());
  }
}

TEST_CASE("a window that no sequence can outgrow is none") {
  ModelSpec const spec = alternating(12, 2, 4096);

  CHECK(make_kv_layout(spec, 1, 4096).windows == std::vector<std::int64_t>{0});
  CHECK(make_kv_layout(spec, 1, 4097).num_groups() == 2);
}

TEST_CASE("layers that cache different shapes have a cache each, and keep everything") {
  ModelSpec spec = alternating(6, 2, 128);
  for (std::size_t i = 1; i < spec.layers.size(); i += 2) {
    spec.layers[i].attention.head_dim = 32;
    spec.layers[i].attention.value_dim = 32;
  }

  KvLayout const layout = make_kv_layout(spec, 1, any_length);

  CHECK(layout.windows == std::vector<std::int64_t>{0});
  auto const shapes = slot_shapes(layout, spec, {}, DType::f32);
  REQUIRE(shapes.size() == 6);
  CHECK(shapes[0].key_dim == 16);
  CHECK(shapes[1].key_dim == 32);
}
