// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/whole_qk_norm.hpp"

#include "kernels/rms_norm.hpp"
#include "kernels/transfer.hpp"
#include "parallel/collectives.hpp"

namespace talus::runtime {

WholeQkNorm::WholeQkNorm(LayerContext const& context,
                         AttentionSpec const& spec,
                         GroupTraffic& tp,
                         std::int64_t max_tokens)
    : context_{context}, spec_{spec}, tp_{&tp} {
  std::int64_t all = 0;
  for (int rank = 0; rank < tp.size(); ++rank) {
    ShardPlace place = context.place;
    place.tp_rank = rank;
    parts_.push_back({heads_of(spec, place), kv_heads_of(spec, place)});
    all += parts_.back().size();
  }
  auto const make = [&](std::int64_t columns) {
    return Activations{context.exec, max_tokens, columns};
  };
  own_ = make(parts_[static_cast<std::size_t>(tp.rank())].size());
  message_ = make(all);
  q_sums_ = make(spec.heads);
  k_sums_ = make(spec.kv_heads);
  tp.reserve(static_cast<std::size_t>(max_tokens * all));
  counts_.resize(parts_.size());
  offsets_.resize(parts_.size());
}

void WholeQkNorm::run(AttentionWeights const& weights, MatrixView<float> q, MatrixView<float> k) {
  Part const& mine = parts_[static_cast<std::size_t>(tp_->rank())];
  MatrixView<float> const own = own_.rows(q.rows);
  std::int64_t const dim = spec_.head_dim;
  kernels::square_sums(context_.exec, as_const(q), dim, columns_of(own, 0, mine.heads.size()));
  kernels::square_sums(
      context_.exec, as_const(k), dim, columns_of(own, mine.heads.size(), mine.kv_heads.size()));
  gather(q.rows);
  kernels::scale_by_sums(context_.exec,
                         as_const(q_sums_.rows(q.rows)),
                         weights.q_norm,
                         {spec_.heads * dim, context_.norm_epsilon},
                         q);
  kernels::scale_by_sums(context_.exec,
                         as_const(k_sums_.rows(q.rows)),
                         weights.k_norm,
                         {spec_.kv_heads * dim, context_.norm_epsilon},
                         k);
}

void WholeQkNorm::gather(std::int64_t tokens) {
  auto const timed = context_.clock->scope(io::Phase::gather);
  for (std::size_t rank = 0; rank < parts_.size(); ++rank) {
    counts_[rank] = static_cast<int>(parts_[rank].size() * tokens);
  }
  int const total = parallel::pack_blocks(counts_, offsets_);
  MatrixView<float> const own = own_.rows(tokens);
  MatrixView<float> const all = message_.rows(tokens);
  auto const sent = static_cast<std::size_t>(own.rows * own.cols);
  tp_->all_gather_v(
      {own.data, sent}, {all.data, static_cast<std::size_t>(total)}, {counts_, offsets_});
  context_.clock->count(io::Traffic::gather,
                        static_cast<std::int64_t>(sent * sizeof(float)) * (tp_->size() - 1));
  for (std::size_t rank = 0; rank < parts_.size(); ++rank) {
    // Ranks that share a KV head send the same bits for it.
    Part const& part = parts_[rank];
    MatrixView<float> const block{all.data + offsets_[rank], tokens, part.size(), part.size()};
    kernels::copy_matrix(context_.exec,
                         as_const(columns_of(block, 0, part.heads.size())),
                         columns_of(q_sums_.rows(tokens), part.heads.first, part.heads.size()));
    kernels::copy_matrix(
        context_.exec,
        as_const(columns_of(block, part.heads.size(), part.kv_heads.size())),
        columns_of(k_sums_.rows(tokens), part.kv_heads.first, part.kv_heads.size()));
  }
}

}  // namespace talus::runtime
