// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/model_binder.hpp"

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

void bind_norm(WeightBinder& binder,
               LayerPlace const& at,
               std::string const& name,
               std::vector<float>& norm) {
  if (!name.empty()) {
    std::int64_t const hidden = at.spec.hidden;
    binder.vector(norm,
                  hidden,
                  {vector_block(at.prefix + name, hidden, {0, hidden}, 0)},
                  at.spec.norm_offset);
  }
}

void bind_layer(WeightBinder& binder, LayerPlace const& at, LayerWeights& weights) {
  WeightNames const& names = at.spec.names;
  bind_norm(binder, at, names.attention_norm, weights.attention_norm);
  bind_norm(binder, at, names.attention_out_norm, weights.attention_out_norm);
  bind_norm(binder, at, names.feed_forward_norm, weights.feed_forward_norm);
  bind_norm(binder, at, names.feed_forward_out_norm, weights.feed_forward_out_norm);
  bind_attention(binder, at, weights.attention);
  bind_feed_forward(binder, at, weights);
}

}  // namespace

void bind_model(WeightBinder& binder,
                ModelSpec const& spec,
                ShardPlace const& place,
                ModelWeights& weights) {
  std::int64_t const hidden = spec.hidden;
  std::string const embedding = spec.names.root + "embed_tokens.weight";
  if (place.is_first_stage()) {
    binder.table(weights.embedding,
                 embedding,
                 spec.vocab,
                 hidden,
                 part_of(hidden, place.tp_rank, place.tp_size));
  }
  Range const layers = layers_of(spec, place);
  weights.layers.resize(static_cast<std::size_t>(layers.size()));
  for (std::int64_t i = layers.first; i < layers.last; ++i) {
    bind_layer(binder,
               {spec,
                spec.layers[static_cast<std::size_t>(i)],
                place,
                concat(spec.names.root, "layers.", i, '.')},
               weights.layers[static_cast<std::size_t>(i - layers.first)]);
  }
  if (place.is_last_stage()) {
    Range const rows = part_of(spec.vocab, place.tp_rank, place.tp_size);
    binder.vector(weights.final_norm,
                  hidden,
                  {vector_block(spec.names.root + "norm.weight", hidden, {0, hidden}, 0)},
                  spec.norm_offset);
    binder.matrix(
        weights.lm_head,
        MatrixRole::head,
        {rows.size(), hidden},
        {rows_block(
            spec.tied_embeddings ? embedding : spec.names.head, spec.vocab, hidden, rows, 0)});
  }
}

}  // namespace talus::runtime
