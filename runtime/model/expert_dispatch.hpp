// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// Brings tokens to their experts, and the results back. A token goes once for each expert chosen.
/// What it is told of choices, and tells, is where activations are.
class ExpertDispatch {
 public:
  ExpertDispatch() = default;
  ExpertDispatch(ExpertDispatch const&) = delete;
  ExpertDispatch& operator=(ExpertDispatch const&) = delete;
  virtual ~ExpertDispatch() = default;

  /// Collective over the expert group.
  ///
  /// \param x           [tokens, hidden] this rank's own tokens
  /// \param expert_ids  [tokens * top_k]
  /// \return            [rows, hidden] what this rank's experts have to do; offsets() cuts it
  [[nodiscard]] virtual MatrixView<float const> dispatch(
      MatrixView<float const> x, std::span<std::int32_t const> expert_ids) = 0;

  /// [local experts + 1] rows of each of this rank's experts after dispatch().
  [[nodiscard]] virtual std::span<std::int32_t const> offsets() const noexcept = 0;

  /// Collective over the expert group; after dispatch().
  ///
  /// \param results  [rows, hidden] of this rank's experts, in the order of dispatch()
  /// \return         [tokens * top_k, hidden] results for this rank's own tokens; choice c of them
  ///                 (in the order of expert_ids) is row choice_rows()[c]
  [[nodiscard]] virtual MatrixView<float const> collect(MatrixView<float const> results) = 0;

  [[nodiscard]] virtual std::span<std::int32_t const> choice_rows() const noexcept = 0;

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
  std::int64_t hidden = 0;
  std::int64_t max_choices = 0;  ///< of this rank's own tokens, in a step
};

/// The dispatch over a group's ranks, which share out the experts; `group` outlives it.
[[nodiscard]] std::unique_ptr<ExpertDispatch> make_expert_dispatch(kernels::ExecContext const& exec,
                                                                   GroupTraffic& group,
                                                                   DispatchSizes const& sizes);

}  // namespace talus::runtime
