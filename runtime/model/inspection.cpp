// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/inspection.hpp"

#include <algorithm>
#include <set>

#include "runtime/base/error.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/quantization/quant_tensors.hpp"

namespace talus::runtime {
namespace {

std::string kind_of(AttentionSpec const& attention) {
  if (attention.kind == AttentionKind::latent) {
    return concat("latent of ", attention.kv_lora_rank + attention.rope.rotary_dim);
  }
  std::string const heads =
      concat("grouped-query, ", attention.kv_heads, " KV heads of ", attention.head_dim);
  return attention.window > 0 ? concat(heads, ", window ", attention.window) : heads;
}

/// The share of routed experts' parameters that a token goes through.
double active_share(ModelSpec const& spec) {
  for (LayerSpec const& layer : spec.layers) {
    if (layer.feed_forward.moe) {
      MoeSpec const& moe = *layer.feed_forward.moe;
      return static_cast<double>(moe.routing.top_k) / static_cast<double>(moe.num_experts);
    }
  }
  return 1.0;
}

void count_kv(ModelSpec const& spec, Inspection& inspection) {
  DType const dtype = spec.dtype == DType::f32 ? DType::f32 : DType::bf16;
  for (LayerSpec const& layer : spec.layers) {
    std::string const kind = kind_of(layer.attention);
    auto at = std::find_if(inspection.kv_layers.begin(),
                           inspection.kv_layers.end(),
                           [&](KvLayerKind const& other) { return other.kind == kind; });
    if (at == inspection.kv_layers.end()) {
      std::int64_t const bytes = kv_shape(layer.attention, ShardPlace{}, dtype).token_bytes();
      at = inspection.kv_layers.insert(at, KvLayerKind{kind, 0, bytes});
    }
    ++at->layers;
    inspection.kv_token_bytes += at->token_bytes;
  }
}

/// How a checkpoint is quantised; empty where it isn't.
std::string quantization_of(ModelSpec const& spec) {
  return spec.quantization
             ? concat(spec.quantization->method, " to ", name_of(spec.quantization->format))
             : "";
}

}  // namespace

Inspection inspect(io::Checkpoint const& checkpoint, ModelSpec const& spec) {
  Inspection inspection;
  inspection.names = compare_names(checkpoint, spec);
  std::set<std::string> const unknown{inspection.names.unknown.begin(),
                                      inspection.names.unknown.end()};
  double active = 0.0;
  for (io::TensorInfo const& tensor : checkpoint.tensors()) {
    inspection.bytes_by_dtype[tensor.dtype_name] += tensor.bytes;
    if (unknown.contains(tensor.name)) {
      continue;
    }
    std::int64_t const elements = spec.quantization ? elements_in(*spec.quantization, tensor)
                                                    : tensor.rows() * tensor.columns();
    bool const is_routed = tensor.name.find('.' + spec.names.experts) != std::string::npos;
    inspection.parameters += elements;
    active += static_cast<double>(elements) * (is_routed ? active_share(spec) : 1.0);
  }
  inspection.active_parameters = static_cast<std::int64_t>(active + 0.5);
  count_kv(spec, inspection);
  inspection.quantization = quantization_of(spec);
  return inspection;
}

Inspection inspect(io::ShardManifest const& manifest, ModelSpec const& spec) {
  Inspection inspection;
  for (io::PackedFile const& file : manifest.files) {
    for (io::PackedTensor const& tensor : file.tensors) {
      inspection.bytes_by_dtype[tensor.type] += tensor.bytes;
    }
  }
  count_kv(spec, inspection);
  bool const has_codes_of_checkpoint = manifest.quantization == "checkpoint";
  if (manifest.quantization != "none") {
    inspection.quantization =
        has_codes_of_checkpoint ? quantization_of(spec) : manifest.quantization;
  }
  return inspection;
}

}  // namespace talus::runtime
