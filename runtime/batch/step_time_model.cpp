// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/step_time_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace talus::runtime {
namespace {

constexpr double forgetting = 0.99;  // of a step, by each that comes after it

// Where the steps so far don't tell two shares apart, the smaller ones are taken.
constexpr double ridge = 1e-9;

constexpr double token_scale = 0.01;  // brings counts of tokens near to the constant's 1

}  // namespace

void StepTimeModel::add(double prompt_tokens, double answer_tokens, double seconds) {
  Shares const features{1.0, token_scale * prompt_tokens, token_scale * answer_tokens};
  for (std::size_t i = 0; i < num_shares; ++i) {
    for (std::size_t j = 0; j < num_shares; ++j) {
      products_[i][j] = forgetting * products_[i][j] + features[i] * features[j];
    }
    moments_[i] = forgetting * moments_[i] + features[i] * seconds;
  }
  squares_ = forgetting * squares_ + seconds * seconds;
  weight_ = forgetting * weight_ + 1.0;
  is_solved_ = false;
}

double StepTimeModel::seconds(double prompt_tokens, double answer_tokens) const {
  Shares const& shares = this->shares();
  return shares[0] + token_scale * (shares[1] * prompt_tokens + shares[2] * answer_tokens);
}

/// The best of the solutions in which some shares are zero and no other is negative.
StepTimeModel::Shares const& StepTimeModel::shares() const {
  if (is_solved_) {
    return shares_;
  }
  shares_ = {};
  is_solved_ = true;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned free = 1; knows() && free < 1U << num_shares; ++free) {
    Shares const some = solve(free);
    bool const is_possible =
        std::all_of(some.begin(), some.end(), [](double share) { return share >= 0.0; });
    if (double const error = error_of(some); is_possible && error < least) {
      least = error;
      shares_ = some;
    }
  }
  return shares_;
}

/// Least squares over the shares whose bit is set in `free`; the others are zero.
StepTimeModel::Shares StepTimeModel::solve(unsigned free) const {
  auto matrix = products_;
  Shares right = moments_;
  for (std::size_t i = 0; i < num_shares; ++i) {
    bool const is_free = ((free >> i) & 1U) != 0;
    matrix[i][i] += ridge * weight_;
    for (std::size_t j = 0; j < num_shares && !is_free; ++j) {
      matrix[i][j] = i == j ? 1.0 : 0.0;
    }
    right[i] = is_free ? right[i] : 0.0;
  }
  // Positive definite but for the rows of zero shares: no pivots are looked for.
  for (std::size_t i = 0; i < num_shares; ++i) {
    for (std::size_t row = i + 1; row < num_shares; ++row) {
      double const factor = matrix[row][i] / matrix[i][i];
      for (std::size_t j = i; j < num_shares; ++j) {
        matrix[row][j] -= factor * matrix[i][j];
      }
      right[row] -= factor * right[i];
    }
  }
  Shares shares{};
  for (std::size_t i = num_shares; i-- > 0;) {
    double sum = right[i];
    for (std::size_t j = i + 1; j < num_shares; ++j) {
      sum -= matrix[i][j] * shares[j];
    }
    shares[i] = sum / matrix[i][i];
  }
  return shares;
}

double StepTimeModel::error_of(Shares const& shares) const {
  double error = squares_;
  for (std::size_t i = 0; i < num_shares; ++i) {
    error -= 2.0 * shares[i] * moments_[i];
    for (std::size_t j = 0; j < num_shares; ++j) {
      error += shares[i] * shares[j] * products_[i][j];
    }
  }
  return error;
}

}  // namespace talus::runtime
