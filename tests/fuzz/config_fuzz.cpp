// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "runtime/model/family.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

/// Any config is refused, or gives a spec whose sizes can be computed with.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const text = test::text_of(data, size);
  test::refuse_or_run("config.json", [&] {
    runtime::ModelSpec const spec =
        runtime::read_model_spec(io::parse_json(text, "config.json"), "config.json");
    require(spec.hidden > 0 && spec.vocab > 0 && spec.max_position > 0, "sizes are positive");
    require(!spec.layers.empty(), "there are layers");
    for (runtime::LayerSpec const& layer : spec.layers) {
      runtime::AttentionSpec const& attention = layer.attention;
      require(attention.heads > 0 && attention.head_dim > 0, "heads are positive");
      require(attention.heads % attention.kv_heads == 0, "key/value heads divide heads");
      require(attention.rope.rotary_dim <= attention.head_dim, "rotated components are the head's");
    }
  });
  return 0;
}
