// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernels/buffer.hpp"
#include "kernels/peer_access.hpp"
#include "kernels/token_exchange.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/expert_dispatch.hpp"

namespace talus::runtime {

/// Experts that devices of one host share out, which reach each other's memory: tokens, choices and
/// results are written to where they are wanted, and the host is told nothing of them.
///
/// All memory is made for the largest step, and stays where it is. What is launched depends on the
/// step's numbers of tokens alone.
class PeerExperts final : public ExpertDispatch {
 public:
  /// Destroying it is collective over `group`, which outlives it, unless an exception is on its
  /// way.
  ///
  /// \param peers  inbox_bytes() of exchange_shape(), opened
  PeerExperts(kernels::ExecContext const& exec,
              GroupTraffic& group,
              DispatchSizes const& sizes,
              std::unique_ptr<kernels::PeerMemory> peers);
  ~PeerExperts() override;

  void begin_step(std::int64_t most_routed) override;

  [[nodiscard]] std::int64_t num_rounds() const noexcept override { return num_rounds_; }

  [[nodiscard]] std::int64_t round_tokens() const noexcept override {
    return inboxes_.shape.max_tokens;
  }

  [[nodiscard]] MatrixView<float const> dispatch(MatrixView<float const> x,
                                                 std::span<std::int32_t const> expert_ids) override;

  [[nodiscard]] kernels::RowsByExpert rows() const noexcept override {
    return {offsets_.span(), expected_rows_};
  }

  [[nodiscard]] MatrixView<float const> collect(MatrixView<float const> results) override;

  [[nodiscard]] std::span<std::int32_t const> choice_rows() const noexcept override {
    return choice_rows_.span().first(num_choices_);
  }

  [[nodiscard]] std::string description() const override { return "memory that all devices reach"; }

  [[nodiscard]] bool wants_most_routed() const noexcept override { return true; }

  [[nodiscard]] std::int64_t most_rows() const noexcept override { return slots_.size(); }

  [[nodiscard]] ExchangedElements take_exchanged() override;

 private:
  [[nodiscard]] std::int64_t num_local() const { return inboxes_.shape.num_local(inboxes_.rank); }

  kernels::ExecContext exec_;
  GroupTraffic* group_;
  std::unique_ptr<kernels::PeerMemory> peers_;
  kernels::TokenInboxes inboxes_;
  std::int64_t max_tokens_;                    ///< that a rank routes in a step
  std::int64_t num_rounds_ = 1;                ///< of this step
  std::int64_t expected_rows_ = 0;             ///< of this rank's experts, in a round of this step
  std::int64_t round_rows_ = 0;                ///< at most, in a round of this step
  std::size_t num_choices_ = 0;                ///< of this rank's tokens
  kernels::Buffer<std::int32_t> offsets_;      ///< [local experts + 1]
  kernels::Buffer<std::int32_t> token_rows_;   ///< [rows]
  kernels::Buffer<std::int32_t> slots_;        ///< [rows]
  kernels::Buffer<std::int32_t> choice_rows_;  ///< [choices] 0, 1, ...
  kernels::Buffer<std::int64_t> moved_;        ///< [2] tokens sent, results returned
  Activations arrived_;                        ///< [rows, hidden]
};

/// The exchange of these sizes: of as many tokens at a time as DispatchSizes::most_rows leaves.
[[nodiscard]] kernels::ExchangeShape exchange_shape(int num_ranks, DispatchSizes const& sizes);

/// Rows of the experts of a rank that has so many of them, at most, if each rank of an exchange
/// sends as many tokens as it may.
[[nodiscard]] std::int64_t most_expert_rows(kernels::ExchangeShape const& shape,
                                            std::int64_t local_experts);

}  // namespace talus::runtime
