// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/activation.hpp"
#include "kernels/add_rms_norm.hpp"
#include "kernels/attention.hpp"
#include "kernels/attention_inputs.hpp"
#include "kernels/biased_activation.hpp"
#include "kernels/copy_heads.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/fold_partials.hpp"
#include "kernels/joint_matmul.hpp"
#include "kernels/kv_cache.hpp"
#include "kernels/matmul.hpp"
#include "kernels/moe.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/rope.hpp"
#include "kernels/sampling.hpp"
#include "kernels/token_exchange.hpp"

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

/// Where quantised weights are stored.
struct CodeStore {
  std::byte* data = nullptr;
  std::int64_t in = 0;
  QuantStorage storage;
};

/// Linear maps whose weights stay codes: as the operations of the same names. Null where weights
/// are dequantised at load.
struct CodeOperations {
  std::int64_t (*bytes)(std::int64_t out, std::int64_t in, QuantStorage const& storage) = nullptr;
  void (*pack)(CodeStore const& store, MatrixOrigin origin, QuantRows const& rows) = nullptr;
  /// Of a device, where weights are packed in memory of the host and copied: outputs [a, b), both
  /// multiples of this, are one range of bytes, bytes(a, in) to bytes(b, in).
  std::int64_t panel_outputs = 0;
  void (*matmul)(ExecContext const& exec,
                 MatrixView<float const> x,
                 PackedWeights const& w,
                 MatrixView<float> y) = nullptr;
  void (*matmul_leaves)(ExecContext const& exec,
                        MatrixView<float const> x,
                        PackedWeights const& w,
                        LeafSums const& sums,
                        std::span<MatrixView<float> const> partials) = nullptr;
  void (*grouped_matmul)(ExecContext const& exec,
                         MatrixView<float const> x,
                         RowsByExpert const& cut,
                         std::span<PackedWeights const> experts,
                         MatrixView<float> y) = nullptr;
  void (*matmul_heads)(ExecContext const& exec,
                       MatrixView<float const> x,
                       std::span<PackedWeights const> heads,
                       HeadStrides const& strides,
                       MatrixView<float> y) = nullptr;
  /// Of weights of one kind and as many inputs. Null where products are one after another.
  void (*joint_matmul)(ExecContext const& exec,
                       MatrixView<float const> x,
                       std::span<JointProduct const> products) = nullptr;
};

/// The operations of one backend.
struct Operations {
  CodeOperations codes{};
  /// Bytes of a packed [out, in] of f32 or bf16.
  std::int64_t (*weight_bytes)(std::int64_t out, std::int64_t in, DType dtype) = nullptr;
  void (*pack_rows)(ExecContext const& exec,
                    WeightStore const& store,
                    MatrixOrigin origin,
                    RawRows const& rows) = nullptr;
  void (*matmul)(ExecContext const& exec,
                 MatrixView<float const> x,
                 PackedWeights const& w,
                 MatrixView<float> y) = nullptr;
  void (*matmul_leaves)(ExecContext const& exec,
                        MatrixView<float const> x,
                        PackedWeights const& w,
                        LeafSums const& sums,
                        std::span<MatrixView<float> const> partials) = nullptr;
  void (*grouped_matmul)(ExecContext const& exec,
                         MatrixView<float const> x,
                         RowsByExpert const& cut,
                         std::span<PackedWeights const> experts,
                         MatrixView<float> y) = nullptr;
  void (*matmul_heads)(ExecContext const& exec,
                       MatrixView<float const> x,
                       std::span<PackedWeights const> heads,
                       HeadStrides const& strides,
                       MatrixView<float> y) = nullptr;
  /// As that of codes.
  void (*joint_matmul)(ExecContext const& exec,
                       MatrixView<float const> x,
                       std::span<JointProduct const> products) = nullptr;
  void (*activate)(ExecContext const& exec,
                   ActivationRule const& rule,
                   MatrixView<float const> x,
                   MatrixView<float> y) = nullptr;
  /// Null, as all that are several in one pass, where they are done one after another.
  void (*activate_biased)(ExecContext const& exec,
                          ActivationRule const& rule,
                          std::span<float const> bias,
                          MatrixView<float const> x,
                          MatrixView<float> y) = nullptr;
  void (*activate_experts)(ExecContext const& exec,
                           ActivationRule const& rule,
                           ExpertBiases const& experts,
                           MatrixView<float const> x,
                           MatrixView<float> y) = nullptr;
  void (*add_rms_norm)(ExecContext const& exec,
                       AddNorms const& norms,
                       MatrixView<float const> y,
                       MatrixView<float> x,
                       MatrixView<float> normed) = nullptr;
  /// Of heads of at most most_prepared_columns; likewise prepare_latent, of latents.
  void (*prepare_heads)(ExecContext const& exec,
                        HeadInputs const& inputs,
                        PagedBatch const& batch,
                        MatrixView<float> qkv,
                        KvCache& cache) = nullptr;
  void (*prepare_latent)(ExecContext const& exec,
                         LatentInputs const& inputs,
                         PagedBatch const& batch,
                         LatentRows const& rows,
                         KvCache& cache) = nullptr;
  void (*add)(ExecContext const& exec,
              MatrixView<float const> x,
              MatrixView<float> y,
              float factor) = nullptr;
  void (*add_bias)(ExecContext const& exec,
                   std::span<float const> bias,
                   MatrixView<float> y) = nullptr;
  void (*scale_and_cap)(ExecContext const& exec,
                        float factor,
                        float cap,
                        MatrixView<float> y) = nullptr;
  /// Null where the memory is the host's: a plain loop serves.
  void (*copy_heads)(ExecContext const& exec,
                     HeadCopy const& copy,
                     MatrixView<float const> x,
                     MatrixView<float> y) = nullptr;
  /// Null where the memory is the host's: likewise.
  void (*fold_partials)(ExecContext const& exec,
                        FoldOrder const& order,
                        MatrixView<float const> partials,
                        std::span<float> sum) = nullptr;
  void (*gather_rows)(ExecContext const& exec,
                      RowTable const& table,
                      std::span<std::int32_t const> ids,
                      MatrixView<float> y) = nullptr;
  void (*select_rows)(ExecContext const& exec,
                      MatrixView<float const> x,
                      std::span<std::int32_t const> rows,
                      MatrixView<float> y) = nullptr;
  void (*rms_norm)(ExecContext const& exec,
                   MatrixView<float const> x,
                   std::span<float const> weight,
                   float epsilon,
                   MatrixView<float> y) = nullptr;
  void (*square_sums)(ExecContext const& exec,
                      MatrixView<float const> x,
                      std::int64_t head_dim,
                      MatrixView<float> sums) = nullptr;
  void (*scale_by_sums)(ExecContext const& exec,
                        MatrixView<float const> sums,
                        std::span<float const> weight,
                        RowNorm const& norm,
                        MatrixView<float> x) = nullptr;
  void (*rope)(ExecContext const& exec,
               MatrixView<float> x,
               std::span<std::int32_t const> positions,
               RopeTable const& table,
               RopeLayout const& layout) = nullptr;
  void (*store_kv)(ExecContext const& exec,
                   PagedBatch const& batch,
                   MatrixView<float const> keys,
                   MatrixView<float const> values,
                   KvCache& cache) = nullptr;
  void (*paged_attention)(ExecContext const& exec,
                          PagedBatch const& batch,
                          AttentionHeads const& heads,
                          MatrixView<float const> q,
                          KvCache const& cache,
                          MatrixView<float> out) = nullptr;
  void (*route)(ExecContext const& exec,
                MatrixView<float const> logits,
                std::span<float const> bias,
                RoutingRule const& rule,
                std::span<std::int32_t> expert_ids,
                std::span<float> weights) = nullptr;
  /// Null where the memory is the host's: a plain loop serves.
  void (*order_choices)(ExecContext const& exec,
                        std::span<std::int32_t const> expert_ids,
                        std::int64_t top_k,
                        ChoiceOrder const& order) = nullptr;
  /// Null where the memory is the host's, as the next two.
  void (*count_choices)(ExecContext const& exec,
                        std::span<std::int32_t const> expert_ids,
                        std::span<std::int64_t> counts) = nullptr;
  void (*gather_tokens)(ExecContext const& exec,
                        MatrixView<float const> x,
                        std::span<std::int32_t const> token_rows,
                        RowsByExpert const& cut,
                        MatrixView<float> y) = nullptr;
  void (*add_expert_biases)(ExecContext const& exec,
                            std::span<std::vector<float> const> biases,
                            RowsByExpert const& cut,
                            MatrixView<float> y) = nullptr;
  /// Null, as the two that follow, where the memory is the host's.
  void (*send_tokens)(ExecContext const& exec,
                      TokenInboxes const& inboxes,
                      MatrixView<float const> x,
                      std::span<std::int32_t const> expert_ids,
                      std::span<std::int64_t> num_sent) = nullptr;
  void (*order_arrivals)(ExecContext const& exec,
                         TokenInboxes const& inboxes,
                         ArrivalOrder const& order) = nullptr;
  void (*return_results)(ExecContext const& exec,
                         TokenInboxes const& inboxes,
                         MatrixView<float const> results,
                         RowsByExpert const& cut,
                         std::span<std::int32_t const> slots,
                         std::span<std::int64_t> num_returned) = nullptr;
  void (*combine_experts)(ExecContext const& exec,
                          MatrixView<float const> x,
                          std::span<std::int32_t const> rows,
                          std::span<float const> weights,
                          MatrixView<float> y) = nullptr;
  void (*edit_logits)(ExecContext const& exec,
                      MatrixView<float> logits,
                      std::span<LogitEdit const> edits) = nullptr;
  void (*summarize_logits)(ExecContext const& exec,
                           MatrixView<float const> logits,
                           std::span<float const> temperatures,
                           LogitSummary const& summary) = nullptr;
  void (*sample)(ExecContext const& exec,
                 SummarizedLogits const& rows,
                 std::span<SampleRule const> rules,
                 std::span<std::int32_t> tokens) = nullptr;
  /// Null where the memory is the host's: a plain loop serves.
  void (*take_drawn)(ExecContext const& exec,
                     std::span<std::int32_t const> sources,
                     std::span<std::int32_t const> tokens,
                     std::span<std::int32_t> ids) = nullptr;
  void (*log_sum_exp)(ExecContext const& exec,
                      SummarizedLogits const& rows,
                      std::span<float> log_sums) = nullptr;
  void (*top_tokens)(ExecContext const& exec,
                     SummarizedLogits const& rows,
                     std::span<std::int32_t const> counts,
                     std::span<std::int32_t> ids) = nullptr;
  void (*rank_of)(ExecContext const& exec,
                  SummarizedLogits const& rows,
                  std::span<std::int32_t const> tokens,
                  std::span<std::int32_t> ranks) = nullptr;
  /// Null where the memory is the host's: a plain loop serves.
  void (*logits_of)(ExecContext const& exec,
                    MatrixView<float const> logits,
                    std::span<std::int32_t const> counts,
                    std::span<std::int32_t const> tokens,
                    std::span<float> values) = nullptr;
};

/// \throws ConfigError  if the backend is none of this build or this processor
[[nodiscard]] Operations const& operations_of(Backend backend);

}  // namespace talus::kernels
