// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "kernels/exec_context.hpp"
#include "kernels/rows_by_expert.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Floats on their way to experts and back.
struct ExchangedElements {
  std::int64_t sent = 0;
  std::int64_t returned = 0;
};

/// Brings tokens to their experts, and the results back.
/// What it is told of choices, and tells, is where activations are.
class ExpertDispatch {
 public:
  ExpertDispatch() = default;
  ExpertDispatch(ExpertDispatch const&) = delete;
  ExpertDispatch& operator=(ExpertDispatch const&) = delete;
  virtual ~ExpertDispatch() = default;

  /// A step begins, in which any rank of the group routes so many tokens at most; 0: as many as
  /// there may be. On all ranks with the same number.
  virtual void begin_step(std::int64_t /*most_routed*/) {}

  /// How often each layer calls dispatch() and collect() in this step, with the next round_tokens()
  /// tokens each time, maybe none. The same on all ranks of the group.
  [[nodiscard]] virtual std::int64_t num_rounds() const noexcept { return 1; }

  [[nodiscard]] virtual std::int64_t round_tokens() const noexcept {
    return std::numeric_limits<std::int64_t>::max();
  }

  /// Collective over the expert group.
  ///
  /// \param x           [tokens, hidden] this rank's own tokens
  /// \param expert_ids  [tokens * top_k]
  /// \return            [rows, hidden] what this rank's experts have to do, cut by rows()
  [[nodiscard]] virtual MatrixView<float const> dispatch(
      MatrixView<float const> x, std::span<std::int32_t const> expert_ids) = 0;

  /// Rows of each of this rank's experts, after dispatch().
  [[nodiscard]] virtual kernels::RowsByExpert rows() const noexcept = 0;

  /// Collective over the expert group; after dispatch().
  ///
  /// \param results  [rows, hidden] of this rank's experts, in the order of dispatch()
  /// \return         [tokens * top_k, hidden] results for this rank's own tokens; choice c of them
  ///                 (in the order of expert_ids) is row choice_rows()[c]
  [[nodiscard]] virtual MatrixView<float const> collect(MatrixView<float const> results) = 0;

  [[nodiscard]] virtual std::span<std::int32_t const> choice_rows() const noexcept = 0;

  /// How tokens of devices come to other ranks, for a run's record; empty: they don't.
  [[nodiscard]] virtual std::string description() const { return ""; }

  /// Whether begin_step() must be told a step's tokens.
  [[nodiscard]] virtual bool wants_most_routed() const noexcept { return false; }

  /// Whether choices come from a device to the host: what the device is asked for depends on them.
  [[nodiscard]] virtual bool needs_host() const noexcept { return false; }

  /// Rows that dispatch() gives at most; 0: memory for them grows with what comes.
  [[nodiscard]] virtual std::int64_t most_rows() const noexcept { return 0; }

  /// Floats that went to other ranks since the last call, as a device has counted them; begins
  /// anew.
  [[nodiscard]] virtual ExchangedElements take_exchanged() { return {}; }

  /// Seconds for which the last dispatch() waited until all ranks had come to it.
  [[nodiscard]] virtual double wait_s() const noexcept { return 0.0; }

  /// Floats that the last dispatch() sent to other ranks.
  [[nodiscard]] virtual std::int64_t elements_sent() const { return 0; }

  /// Floats that the last collect() sent to other ranks.
  [[nodiscard]] virtual std::int64_t elements_returned() const { return 0; }
};

/// Sizes of what is dispatched.
struct DispatchSizes {
  std::int64_t num_experts = 0;
  std::int64_t top_k = 1;
  std::int64_t hidden = 0;
  std::int64_t max_tokens = 0;  ///< that a rank routes in a step
  /// Rows of a rank's experts for which memory that is made for the worst is made, at most, unless
  /// one token of each rank has more: a step with more of them is done in rounds.
  std::int64_t most_rows = 32768;

  [[nodiscard]] std::int64_t max_choices() const noexcept { return max_tokens * top_k; }
};

/// The dispatch over a group's ranks, which share out the experts: between devices by memory that
/// they all reach, where they do. Collective over `group`, which outlives it.
[[nodiscard]] std::unique_ptr<ExpertDispatch> make_expert_dispatch(kernels::ExecContext const& exec,
                                                                   GroupTraffic& group,
                                                                   DispatchSizes const& sizes);

}  // namespace talus::runtime
