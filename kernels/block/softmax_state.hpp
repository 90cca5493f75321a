// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/block/math.hpp"

namespace talus::kernels::block {

/// A score below all others. Finite, so that the difference of two of them is a number.
inline constexpr float no_score = -1e30F;

/// What two softmaxes that are joined have of the whole: factors of their sums and values.
struct JoinShares {
  float older = 0.0F;
  float newer = 0.0F;
};

/// A softmax over a part of the context: its greatest score, and the sum of exp(score - greatest).
/// Joining one over nothing changes no bit.
///
/// Reference: M. Milakov and N. Gimelshein, "Online normalizer calculation for softmax", 2018.
struct SoftmaxState {
  float greatest = no_score;
  float sum = 0.0F;

  /// Adds a later part.
  TALUS_DEVICE JoinShares join(SoftmaxState const& newer) {
    float const raised = maximum(newer.greatest, greatest);
    JoinShares const shares{exp(greatest - raised), exp(newer.greatest - raised)};
    sum = multiply_add(newer.sum, shares.newer, sum * shares.older);
    greatest = raised;
    return shares;
  }
};

/// The weighted values of two parts, joined.
[[nodiscard]] TALUS_DEVICE inline float join_values(float older,
                                                    float newer,
                                                    JoinShares const& shares) {
  return multiply_add(newer, shares.newer, older * shares.older);
}

}  // namespace talus::kernels::block
