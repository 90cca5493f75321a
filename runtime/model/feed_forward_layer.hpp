// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "runtime/model/activations.hpp"
#include "runtime/model/layer_context.hpp"
#include "runtime/model/row_parallel.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {

/// Memory that the dense feed-forwards of all layers share, made for the largest step.
struct FeedForwardScratch {
  /// \param max_columns  the largest cut of an `intermediate` axis on this rank
  FeedForwardScratch(kernels::ExecContext const& exec,
                     std::int64_t max_tokens,
                     std::int64_t max_columns);

  Activations gate_up;
  Activations activated;
};

/// A feed-forward, dense or the shared experts of a mixture: down(act(gate x) * up x), or
/// down(act(up x)) where nothing is gated; its intermediate axis cut over the tensor-parallel
/// ranks.
class FeedForwardLayer {
 public:
  /// What is passed by reference outlives the layer.
  FeedForwardLayer(LayerContext const& context,
                   FeedForwardSpec const& spec,
                   FeedForwardWeights const& weights,
                   RowParallel& projection,
                   FeedForwardScratch& scratch);

  /// Collective over the tensor-parallel group.
  ///
  /// \param x    [tokens, hidden], normalised
  /// \param out  [tokens, hidden], contiguous
  void run(MatrixView<float const> x, MatrixView<float> out);

 private:
  LayerContext context_;
  LeafCut cut_;
  kernels::ActivationRule activation_;
  FeedForwardWeights const* weights_;
  RowParallel* projection_;
  FeedForwardScratch* scratch_;
};

}  // namespace talus::runtime
