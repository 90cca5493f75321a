// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace talus::runtime {

/// How long a step takes, learned from the steps that a rank ran: a constant, and a share for each
/// token of a prompt and each token of an answer.
///
/// Least squares with nonnegative shares over all steps so far, the older ones counting less and
/// less (half as much after 70 steps), since contexts grow.
class StepTimeModel {
 public:
  /// Learns from a step.
  void add(double prompt_tokens, double answer_tokens, double seconds);

  /// Whether it has seen a step.
  [[nodiscard]] bool knows() const noexcept { return weight_ > 0.0; }

  /// Seconds of a step; 0 as long as it has seen none.
  [[nodiscard]] double seconds(double prompt_tokens, double answer_tokens) const;

 private:
  static constexpr std::size_t num_shares = 3;
  using Shares = std::array<double, num_shares>;

  [[nodiscard]] Shares const& shares() const;
  [[nodiscard]] Shares solve(unsigned free) const;
  [[nodiscard]] double error_of(Shares const& shares) const;

  std::array<Shares, num_shares> products_{};  ///< sums of products of two features
  Shares moments_{};                           ///< sums of a feature times the seconds
  double squares_ = 0.0;                       ///< sum of the squared seconds
  double weight_ = 0.0;
  mutable Shares shares_{};
  mutable bool is_solved_ = false;
};

}  // namespace talus::runtime
