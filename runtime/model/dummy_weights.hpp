// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "io/checkpoint/loader.hpp"
#include "kernels/exec_context.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/model/weights.hpp"

/// \file
/// Weights that nobody trained: to measure a model, or to compare layouts, with a config alone.

namespace talus::runtime {

/// What the tensors of norms hold, the others being random.
struct DummyRule {
  float norm = 1.0F;  ///< exact in bfloat16
};

/// Gives each demand its tensor's elements: uniform, of standard deviation 0.02, exact in bfloat16;
/// tensors with "norm" in their names hold the rule's constant.
///
/// An element depends on its tensor's name, its row and its column only, and not on what of the
/// tensor is demanded, so every grid gets the same model. Holds some megabytes at a time. Local.
/// \pre each demand states the shape that it expects
void fill_with_dummies(std::span<io::TensorDemand const> demands, DummyRule const& rule);

/// A rank's weights of that kind; no file is read. Local.
///
/// A model whose checkpoint would be quantised is made as one that is not; where `precision` keeps
/// codes and the format is one that can be made, it is quantised to it.
[[nodiscard]] ModelWeights make_dummy_weights(kernels::ExecContext const& exec,
                                              ModelSpec const& spec,
                                              ShardPlace const& place,
                                              WeightPrecision precision);

}  // namespace talus::runtime
