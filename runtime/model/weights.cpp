// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weights.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/model/model_binder.hpp"
#include "runtime/model/weight_binder.hpp"

namespace talus::runtime {
namespace {

/// Layers that a checkpoint carries beyond the model's own: drafts for speculation.
bool is_beyond_the_layers(std::string const& name, ModelSpec const& spec) {
  std::string const prefix = spec.names.root + "layers.";
  if (name.rfind(prefix, 0) != 0) {
    return false;
  }
  std::size_t number = 0;
  auto const [end, error] =
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number);
  return error == std::errc{} && number >= spec.layers.size();
}

ModelSpec with_own_head(ModelSpec const& spec, io::Checkpoint const& checkpoint) {
  return with_stored_head(spec, checkpoint.find(spec.names.head) != nullptr);
}

/// Whether a tensor's name is of a weight or a bias, quantised or not, and not of a buffer.
bool is_trained(std::string const& name) {
  constexpr std::array endings = {
      ".weight", ".bias", ".qweight", ".weight_packed", ".weight_scale_inv", ".input_scale"};
  return std::ranges::any_of(endings, [&](char const* ending) { return name.ends_with(ending); });
}

CheckpointQuantization const* quantization_of(ModelSpec const& spec) {
  return spec.quantization ? &*spec.quantization : nullptr;
}

/// Weights and biases of the model's layers that nothing uses: the config leaves something out that
/// the model was trained with, so its answers would be wrong.
void refuse_unused(io::Checkpoint const& checkpoint, ModelSpec const& spec) {
  std::string const prefix = spec.names.root + "layers.";
  for (std::string const& name : compare_names(checkpoint, spec).unknown) {
    if (name.starts_with(prefix) && is_trained(name)) {
      throw ConfigError{
          concat("tensor ",
                 name,
                 ": is in the checkpoint, but no part of the model that config.json describes uses "
                 "it (a flag of the config may be missing or false)")};
    }
  }
}

}  // namespace

ModelSpec with_stored_head(ModelSpec const& spec, bool has_own_head) {
  ModelSpec own = spec;
  own.tied_embeddings = spec.tied_embeddings && !has_own_head;
  return own;
}

void publish_vectors(kernels::ExecContext const& exec,
                     WeightBinder const& binder,
                     ModelWeights& weights) {
  for (BoundWeight const& weight : binder.bound()) {
    if (weight.is_vector) {
      weights.vectors.emplace_back().publish<std::byte>(exec, weight.memory());
    }
  }
}

std::int64_t weight_bytes(kernels::ExecContext const& exec,
                          ModelSpec const& spec,
                          ShardPlace const& place,
                          WeightPrecision const& precision,
                          io::Checkpoint const* checkpoint) {
  WeightBinder binder{exec, precision, quantization_of(spec), checkpoint};
  ModelWeights weights;
  bind_model(binder, spec, place, weights);
  return binder.bytes();
}

LoadedWeights load_weights(parallel::Communicator const& comm,
                           io::Checkpoint const& checkpoint,
                           kernels::ExecContext const& exec,
                           ModelSpec const& spec,
                           ShardPlace const& place,
                           WeightPrecision const& precision,
                           io::LoadOptions const& options) {
  refuse_unused(checkpoint, spec);
  ModelSpec const own = with_own_head(spec, checkpoint);
  WeightBinder binder{exec, precision, quantization_of(own), &checkpoint};
  LoadedWeights loaded;
  bind_model(binder, own, place, loaded.weights);
  WeightDemands const demands = binder.make_demands();
  if (own.quantization) {
    loaded.report = io::load_tensors(comm, checkpoint, demands.scales, options);
  }
  loaded.report += io::load_tensors(comm, checkpoint, demands.weights, options);
  publish_vectors(exec, binder, loaded.weights);
  return loaded;
}

TensorNames compare_names(io::Checkpoint const& checkpoint, ModelSpec const& spec) {
  ModelSpec const own = with_own_head(spec, checkpoint);
  WeightBinder binder{{}, DType::f32, quantization_of(own)};
  ModelWeights weights;
  bind_model(binder, own, ShardPlace{}, weights);
  std::set<std::string> const needed{binder.names().begin(), binder.names().end()};
  std::set<std::string> const spare{binder.spare_names().begin(), binder.spare_names().end()};
  TensorNames names;
  for (std::string const& name : needed) {
    if (checkpoint.find(name) == nullptr) {
      names.missing.push_back(name);
    }
  }
  for (io::TensorInfo const& tensor : checkpoint.tensors()) {
    if (!needed.contains(tensor.name) && !spare.contains(tensor.name) &&
        !is_beyond_the_layers(tensor.name, spec)) {
      names.unknown.push_back(tensor.name);
    }
  }
  return names;
}

}  // namespace talus::runtime
