// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "io/sharded/manifest.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/model/weights.hpp"

namespace talus::runtime {

/// The KV cache of one kind of layer.
struct KvLayerKind {
  std::string kind;  ///< "grouped-query, 8 KV heads of 128", "latent of 576"
  std::int64_t layers = 0;
  std::int64_t token_bytes = 0;  ///< of a token in one such layer, in the model's own dtype
};

/// What a checkpoint's headers and config say.
struct Inspection {
  std::int64_t parameters = 0;
  std::int64_t active_parameters = 0;  ///< that a token goes through: of routed experts only top_k
  std::map<std::string, std::int64_t> bytes_by_dtype;
  std::string quantization;  ///< "awq to int4-g128-asym"; empty: none
  std::vector<KvLayerKind> kv_layers;
  std::int64_t kv_token_bytes = 0;  ///< of a token in all layers
  TensorNames names;                ///< missing and unknown
};

/// Looks at a checkpoint without reading tensor data.
[[nodiscard]] Inspection inspect(io::Checkpoint const& checkpoint, ModelSpec const& spec);

/// Looks at a folder of packed weights. How many parameters they are isn't told there: ranks hold
/// some of them in common, and panels are padded.
[[nodiscard]] Inspection inspect(io::ShardManifest const& manifest, ModelSpec const& spec);

}  // namespace talus::runtime
