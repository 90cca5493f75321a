// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/model/weight_binder.hpp"
#include "runtime/model/weights.hpp"

/// \file
/// Which block of which tensor of a checkpoint goes where in a rank's weights.

namespace talus::runtime {

/// Binds everything that a rank holds of a model. What is passed by reference must outlive the
/// binder's demands.
void bind_model(WeightBinder& binder,
                ModelSpec const& spec,
                ShardPlace const& place,
                ModelWeights& weights);

/// The layer whose weights are bound.
struct LayerPlace {
  ModelSpec const& spec;
  LayerSpec const& layer;
  ShardPlace const& place;
  std::string prefix;  ///< of the layer's tensors, such as "model.layers.3."
};

/// Binds a layer's attention, without its norms.
void bind_attention(WeightBinder& binder, LayerPlace const& at, AttentionWeights& weights);

/// Binds a layer's dense feed-forward, or its experts with their router and shared experts.
void bind_feed_forward(WeightBinder& binder, LayerPlace const& at, LayerWeights& weights);

}  // namespace talus::runtime
