// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/model/activations.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Sends tokens to the ranks that hold their experts, and brings the results back.
///
/// Rank r of the group holds the experts part_of(num_experts, r, size). A token goes once for each
/// expert chosen; rows arrive ordered by expert, then by the rank they came from, then by token. A
/// rank without tokens takes part all the same.
class ExpertExchange {
 public:
  /// `group` outlives this.
  ExpertExchange(kernels::ExecContext const& exec,
                 GroupTraffic& group,
                 std::int64_t num_experts,
                 std::int64_t hidden);

  /// Collective over the group.
  ///
  /// \param x           [tokens, hidden] this rank's own tokens
  /// \param expert_ids  [tokens * top_k]
  /// \return            [rows, hidden] what this rank's experts have to do; offsets() cuts it
  [[nodiscard]] MatrixView<float const> dispatch(MatrixView<float const> x,
                                                 std::span<std::int32_t const> expert_ids);

  /// [local experts + 1] rows of each of this rank's experts after dispatch().
  [[nodiscard]] std::span<std::int32_t const> offsets() const noexcept { return offsets_; }

  /// [experts] how many of this rank's own choices went to each expert in dispatch().
  [[nodiscard]] std::span<std::int32_t const> routed() const noexcept { return my_counts_; }

  /// Collective over the group; after dispatch().
  ///
  /// \param results  [rows, hidden] of this rank's experts, in the order of dispatch()
  /// \return         [tokens * top_k, hidden] results for this rank's own tokens; choice c of them
  /// (in
  ///                 the order of expert_ids) is row choice_rows()[c]
  [[nodiscard]] MatrixView<float const> collect(MatrixView<float const> results);

  [[nodiscard]] std::span<std::int32_t const> choice_rows() const noexcept { return choice_rows_; }

  /// Seconds for which the last dispatch() waited until all ranks had come to it: those of its
  /// first exchange, of few numbers.
  [[nodiscard]] double wait_s() const noexcept { return wait_s_; }

  /// Floats that the last dispatch() sent to other ranks.
  [[nodiscard]] std::int64_t elements_sent() const;

  /// Floats that the last collect() sent to other ranks.
  [[nodiscard]] std::int64_t elements_returned() const;

 private:
  void order_choices(std::span<std::int32_t const> expert_ids, std::int64_t top_k);
  void exchange_counts();
  void order_arrivals();

  kernels::ExecContext exec_;
  GroupTraffic* group_;
  std::int64_t num_experts_;
  std::int64_t hidden_;
  Range local_;
  double wait_s_ = 0.0;
  std::vector<std::int32_t> my_counts_;    ///< [experts]
  std::vector<std::int32_t> all_counts_;   ///< [ranks, experts]
  std::vector<std::int32_t> offsets_;      ///< [local experts + 1]
  std::vector<std::int32_t> token_rows_;   ///< [choices, by expert] the token of each
  std::vector<std::int32_t> choice_rows_;  ///< [choices] its place by expert
  std::vector<std::int32_t> arrivals_;     ///< [rows, by expert] place among what arrived
  std::vector<std::int32_t> returns_;      ///< [rows, as arrived] place by expert
  std::vector<int> send_counts_, send_offsets_, receive_counts_, receive_offsets_;
  GrowingBuffer<float> sent_, received_, ordered_;
};

}  // namespace talus::runtime
