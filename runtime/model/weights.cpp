// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weights.hpp"

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

}  // namespace

std::int64_t weight_bytes(kernels::ExecContext const& exec,
                          ModelSpec const& spec,
                          ShardPlace const& place,
                          DType dtype) {
  WeightBinder binder{exec, dtype};
  ModelWeights weights;
  bind_model(binder, spec, place, weights);
  return binder.bytes();
}

LoadedWeights load_weights(parallel::Communicator const& comm,
                           io::Checkpoint const& checkpoint,
                           kernels::ExecContext const& exec,
                           ModelSpec const& spec,
                           ShardPlace const& place,
                           DType dtype,
                           io::LoadOptions const& options) {
  WeightBinder binder{exec, dtype};
  LoadedWeights loaded;
  bind_model(binder, spec, place, loaded.weights);
  std::vector<io::TensorDemand> const demands = binder.make_demands();
  loaded.report = io::load_tensors(comm, checkpoint, demands, options);
  return loaded;
}

TensorNames compare_names(io::Checkpoint const& checkpoint, ModelSpec const& spec) {
  WeightBinder binder{{}, DType::f32};
  ModelWeights weights;
  bind_model(binder, spec, ShardPlace{}, weights);
  std::set<std::string> const needed{binder.names().begin(), binder.names().end()};
  TensorNames names;
  for (std::string const& name : needed) {
    if (checkpoint.find(name) == nullptr) {
      names.missing.push_back(name);
    }
  }
  for (io::TensorInfo const& tensor : checkpoint.tensors()) {
    bool const is_spare_head = tensor.name == spec.names.head && spec.tied_embeddings;
    if (!needed.contains(tensor.name) && !is_spare_head &&
        !is_beyond_the_layers(tensor.name, spec)) {
      names.unknown.push_back(tensor.name);
    }
  }
  return names;
}

}  // namespace talus::runtime
