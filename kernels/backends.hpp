// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/activation.hpp"
#include "kernels/attention.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/kv_cache.hpp"
#include "kernels/matmul.hpp"
#include "kernels/moe.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/sampling.hpp"

/// \file
/// What each backend implements. Arguments are valid when these are called; only the functions of
/// kernels/*.hpp call them.

namespace talus::kernels {

/// Where rows of weights are stored.
struct WeightStore {
  std::byte* data = nullptr;
  std::int64_t in = 0;
  DType dtype = DType::f32;
};

/// A sum over leaves: the partition, and its nodes, one for each partial sum.
struct LeafSums {
  LeafPartition const& partition;
  std::span<LeafRange const> nodes;
};

namespace reference {

void pack_rows(WeightStore const& store, MatrixOrigin origin, RawRows const& rows);

void matmul(MatrixView<float const> x, PackedWeights const& w, MatrixView<float> y);

void matmul_leaves(MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials);

void grouped_matmul(MatrixView<float const> x,
                    std::span<std::int32_t const> offsets,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y);

void matmul_heads(MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y);

void activate(ActivationRule const& rule, MatrixView<float const> x, MatrixView<float> y);

void add(MatrixView<float const> x, MatrixView<float> y, float factor);

void add_bias(std::span<float const> bias, MatrixView<float> y);

void scale_and_cap(float factor, float cap, MatrixView<float> y);

void gather_rows(RowTable const& table, std::span<std::int32_t const> ids, MatrixView<float> y);

void select_rows(MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y);

void rms_norm(MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y);

void square_sums(MatrixView<float const> x, std::int64_t head_dim, MatrixView<float> sums);

void scale_by_sums(MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x);

void rope(MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout);

void store_kv(PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache);

void paged_attention(PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out);

void route(MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights);

void combine_experts(MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y);

void edit_logits(MatrixView<float> logits, std::span<LogitEdit const> edits);

void sample(MatrixView<float const> logits,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens);

void log_sum_exp(MatrixView<float const> logits, std::span<float> log_sums);

void top_tokens(std::span<float const> logits, std::span<std::int32_t> ids);

std::int32_t rank_of(std::span<float const> logits, std::int32_t token);

}  // namespace reference

namespace kokkos {

void pack_rows(WeightStore const& store, MatrixOrigin origin, RawRows const& rows);

void matmul(MatrixView<float const> x, PackedWeights const& w, MatrixView<float> y);

void matmul_leaves(MatrixView<float const> x,
                   PackedWeights const& w,
                   LeafSums const& sums,
                   std::span<MatrixView<float> const> partials);

void grouped_matmul(MatrixView<float const> x,
                    std::span<std::int32_t const> offsets,
                    std::span<PackedWeights const> experts,
                    MatrixView<float> y);

void matmul_heads(MatrixView<float const> x,
                  std::span<PackedWeights const> heads,
                  HeadStrides const& strides,
                  MatrixView<float> y);

void activate(ActivationRule const& rule, MatrixView<float const> x, MatrixView<float> y);

void add(MatrixView<float const> x, MatrixView<float> y, float factor);

void add_bias(std::span<float const> bias, MatrixView<float> y);

void scale_and_cap(float factor, float cap, MatrixView<float> y);

void gather_rows(RowTable const& table, std::span<std::int32_t const> ids, MatrixView<float> y);

void select_rows(MatrixView<float const> x,
                 std::span<std::int32_t const> rows,
                 MatrixView<float> y);

void rms_norm(MatrixView<float const> x,
              std::span<float const> weight,
              float epsilon,
              MatrixView<float> y);

void square_sums(MatrixView<float const> x, std::int64_t head_dim, MatrixView<float> sums);

void scale_by_sums(MatrixView<float const> sums,
                   std::span<float const> weight,
                   RowNorm const& norm,
                   MatrixView<float> x);

void rope(MatrixView<float> x,
          std::span<std::int32_t const> positions,
          RopeTable const& table,
          RopeLayout const& layout);

void store_kv(PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache);

void paged_attention(PagedBatch const& batch,
                     AttentionHeads const& heads,
                     MatrixView<float const> q,
                     KvCache const& cache,
                     MatrixView<float> out);

void route(MatrixView<float const> logits,
           std::span<float const> bias,
           RoutingRule const& rule,
           std::span<std::int32_t> expert_ids,
           std::span<float> weights);

void combine_experts(MatrixView<float const> x,
                     std::span<std::int32_t const> rows,
                     std::span<float const> weights,
                     MatrixView<float> y);

void edit_logits(MatrixView<float> logits, std::span<LogitEdit const> edits);

void sample(MatrixView<float const> logits,
            std::span<SampleRule const> rules,
            std::span<std::int32_t> tokens);

void log_sum_exp(MatrixView<float const> logits, std::span<float> log_sums);

void top_tokens(std::span<float const> logits, std::span<std::int32_t> ids);

std::int32_t rank_of(std::span<float const> logits, std::int32_t token);

}  // namespace kokkos

}  // namespace talus::kernels
