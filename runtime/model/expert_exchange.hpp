// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/transfer.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/expert_dispatch.hpp"
#include "runtime/model/shard.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Sends tokens to the ranks that hold their experts, and brings the results back.
///
/// A token goes once for each expert chosen.
///
/// Rank r of the group holds the experts part_of(num_experts, r, size). Rows arrive ordered by
/// expert, then by the rank they came from, then by token. A rank without tokens takes part all the
/// same. What goes where is the host's to know: choices that are on a device come to it, once for
/// each layer, and the order that it makes goes there.
class ExpertExchange final : public ExpertDispatch {
 public:
  /// `group` outlives this.
  ExpertExchange(kernels::ExecContext const& exec,
                 GroupTraffic& group,
                 std::int64_t num_experts,
                 std::int64_t hidden);

  [[nodiscard]] MatrixView<float const> dispatch(MatrixView<float const> x,
                                                 std::span<std::int32_t const> expert_ids) override;

  [[nodiscard]] kernels::RowsByExpert rows() const noexcept override { return placed_offsets_; }

  [[nodiscard]] MatrixView<float const> collect(MatrixView<float const> results) override;

  [[nodiscard]] std::span<std::int32_t const> choice_rows() const noexcept override {
    return placed_choice_rows_;
  }

  [[nodiscard]] bool needs_host() const noexcept override { return !kernels::shares_memory(exec_); }

  [[nodiscard]] std::string description() const override {
    return needs_host() ? "ordered by the host" : "";
  }

  /// Those of its first exchange, of few numbers.
  [[nodiscard]] double wait_s() const noexcept override { return wait_s_; }

  [[nodiscard]] std::int64_t elements_sent() const override;

  [[nodiscard]] std::int64_t elements_returned() const override;

 private:
  void order_choices(std::span<std::int32_t const> expert_ids, std::int64_t top_k);
  [[nodiscard]] std::span<std::int32_t const> on_host(std::span<std::int32_t const> expert_ids);
  [[nodiscard]] std::span<std::int32_t const> where_activations_are(
      std::span<std::int32_t const> host, GrowingBuffer<std::int32_t>& memory);
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
  std::vector<std::int32_t> ids_;          ///< [choices], where they came from a device
  GrowingBuffer<std::int32_t> offsets_memory_, choice_rows_memory_;
  std::span<std::int32_t const> placed_offsets_, placed_choice_rows_;  ///< where activations are
  std::vector<int> send_counts_, send_offsets_, receive_counts_, receive_offsets_;
  GrowingBuffer<float> sent_, received_, ordered_;
};

}  // namespace talus::runtime
