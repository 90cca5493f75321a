// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <random>

#include <talus/engine.hpp>

/// A member of an ensemble: draws problems of its own, asks them as fast as the engine takes them,
/// and counts the right answers.
class Member {
 public:
  /// \param number        of the member, which seeds its problems
  /// \param num_problems  that it draws
  Member(talus::Engine& engine, int number, std::int64_t num_problems);

  /// Submits problems until the engine takes no more of this rank's, or there are none left.
  void submit();

  /// Takes all answers that are there.
  void take_answers();

  /// Waits for an answer and takes it. For clients: the engine works elsewhere.
  void wait_for_answer();

  [[nodiscard]] bool is_done() const noexcept { return num_left_ == 0 && expected_.empty(); }

  [[nodiscard]] std::int64_t num_right() const noexcept { return num_right_; }

  /// How often the engine took no more.
  [[nodiscard]] std::int64_t num_refusals() const noexcept { return num_refusals_; }

  /// The most of this member's problems that were under way at once.
  [[nodiscard]] std::int64_t most_in_flight() const noexcept { return most_in_flight_; }

 private:
  void draw();
  void take(talus::RequestId request);

  talus::Engine* engine_;
  std::mt19937 random_;
  std::int64_t num_left_;  ///< to be drawn, the present one too
  int a_ = 0;              ///< of the present problem, a + b - c
  int b_ = 0;
  int c_ = 0;
  std::map<talus::RequestId, int> expected_;
  std::int64_t num_right_ = 0;
  std::int64_t num_refusals_ = 0;
  std::int64_t most_in_flight_ = 0;
};
