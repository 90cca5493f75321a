// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/kv_layout.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace talus::runtime {
namespace {

// A table more costs little memory, but each step fills and sends all of them to the layers.
constexpr std::int64_t most_groups = 12;

/// What a long sequence keeps of a layer without a window, in units of one with a window.
constexpr std::int64_t weight_without_window = 4;

/// Layers with the same window.
struct Kind {
  std::int64_t window = 0;
  std::int64_t num_layers = 0;
  std::int64_t num_groups = 1;
  std::int32_t first_group = 0;
};

std::int64_t window_of(LayerSpec const& layer, std::int64_t max_positions) {
  std::int64_t const window = layer.attention.window;
  return window < max_positions ? window : 0;
}

/// Whether two layers cache the same on every rank.
bool same_shape(AttentionSpec const& a, AttentionSpec const& b) {
  if (a.kind == AttentionKind::latent) {
    return b.kind == a.kind && a.kv_lora_rank == b.kv_lora_rank &&
           a.rope.rotary_dim == b.rope.rotary_dim;
  }
  return b.kind == a.kind && a.heads == b.heads && a.kv_heads == b.kv_heads &&
         a.head_dim == b.head_dim && a.value_dim == b.value_dim;
}

std::vector<Kind> kinds_of(ModelSpec const& spec, std::int64_t max_positions) {
  std::vector<Kind> kinds;
  for (LayerSpec const& layer : spec.layers) {
    std::int64_t const window = window_of(layer, max_positions);
    auto const same = std::find_if(
        kinds.begin(), kinds.end(), [&](Kind const& kind) { return kind.window == window; });
    if (same == kinds.end()) {
      kinds.push_back({.window = window, .num_layers = 1});
    } else {
      ++same->num_layers;
    }
  }
  return kinds;
}

/// Puts every layer into the group of its kind that has the fewest layers on the layer's stage.
std::vector<KvPlace> place_layers(ModelSpec const& spec,
                                  std::vector<Kind> const& kinds,
                                  std::int32_t num_stages,
                                  std::int64_t max_positions) {
  std::vector<KvPlace> places(spec.layers.size());
  for (std::int32_t stage = 0; stage < num_stages; ++stage) {
    std::vector<std::int32_t> filled(static_cast<std::size_t>(most_groups), 0);
    Range const layers = layers_of(spec, {.pp_rank = stage, .pp_size = num_stages});
    for (std::int64_t i = layers.first; i < layers.last; ++i) {
      std::int64_t const window =
          window_of(spec.layers[static_cast<std::size_t>(i)], max_positions);
      auto const kind = std::find_if(
          kinds.begin(), kinds.end(), [&](Kind const& one) { return one.window == window; });
      auto const first = filled.begin() + kind->first_group;
      auto const group = std::min_element(first, first + kind->num_groups);
      places[static_cast<std::size_t>(i)] = {
          .group = static_cast<std::int32_t>(group - filled.begin()), .slot = (*group)++};
    }
  }
  return places;
}

/// Gives each kind the groups that `size` layers a group come to; how many that are in all.
std::int64_t divide(std::vector<Kind>& kinds, std::int64_t size) {
  std::int64_t total = 0;
  for (Kind& kind : kinds) {
    kind.num_groups = (kind.num_layers + size - 1) / size;
    kind.first_group = static_cast<std::int32_t>(total);
    total += kind.num_groups;
  }
  return total;
}

std::int64_t most_slots(std::vector<KvPlace> const& places) {
  std::int32_t most = 0;
  for (KvPlace const& place : places) {
    most = std::max(most, place.slot + 1);
  }
  return most;
}

KvLayout single_group(ModelSpec const& spec, std::int64_t window, std::int32_t num_stages) {
  KvLayout layout{.windows = {window}, .layers = std::vector<KvPlace>(spec.layers.size())};
  for (std::int32_t stage = 0; stage < num_stages; ++stage) {
    Range const layers = layers_of(spec, {.pp_rank = stage, .pp_size = num_stages});
    for (std::int64_t i = layers.first; i < layers.last; ++i) {
      layout.layers[static_cast<std::size_t>(i)].slot = static_cast<std::int32_t>(i - layers.first);
    }
  }
  return layout;
}

}  // namespace

KvLayout make_kv_layout(ModelSpec const& spec,
                        std::int32_t num_stages,
                        std::int64_t max_positions) {
  std::vector<Kind> kinds = kinds_of(spec, max_positions);
  if (kinds.size() == 1) {
    return single_group(spec, kinds.front().window, num_stages);
  }
  bool const one_shape =
      std::all_of(spec.layers.begin(), spec.layers.end(), [&](LayerSpec const& layer) {
        return same_shape(layer.attention, spec.layers.front().attention);
      });
  if (!one_shape || static_cast<std::int64_t>(kinds.size()) > most_groups) {
    return single_group(spec, 0, num_stages);
  }
  KvLayout best;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (auto size = static_cast<std::int64_t>(spec.layers.size()); size > 0; --size) {
    if (divide(kinds, size) > most_groups) {
      break;
    }
    KvLayout layout{.windows = {}, .layers = place_layers(spec, kinds, num_stages, max_positions)};
    std::int64_t weight = 0;
    for (Kind const& kind : kinds) {
      weight += kind.num_groups * (kind.window == 0 ? weight_without_window : 1);
      layout.windows.insert(
          layout.windows.end(), static_cast<std::size_t>(kind.num_groups), kind.window);
    }
    if (std::int64_t const cost = most_slots(layout.layers) * weight; cost < least) {
      least = cost;
      best = std::move(layout);
    }
  }
  return best;
}

std::vector<kernels::KvShape> slot_shapes(KvLayout const& layout,
                                          ModelSpec const& spec,
                                          ShardPlace const& place,
                                          DType dtype) {
  std::vector<kernels::KvShape> shapes;
  Range const layers = layers_of(spec, place);
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    auto const layer = static_cast<std::size_t>(i);
    auto const slot = static_cast<std::size_t>(layout.layers[layer].slot);
    shapes.resize(std::max(shapes.size(), slot + 1));
    shapes[slot] = kv_shape(spec.layers[layer].attention, place, dtype);
  }
  return shapes;
}

}  // namespace talus::runtime
