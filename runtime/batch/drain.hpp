// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "parallel/notice.hpp"
#include "parallel/process_grid.hpp"
#include "runtime/batch/run_control.hpp"
#include "runtime/batch/step_time_model.hpp"
#include "runtime/scheduler/scheduler.hpp"

namespace talus::runtime {

/// Of the run that a Drain looks after.
struct DrainOptions {
  std::int32_t steps_in_flight = 1;
  std::int32_t max_num_batched_tokens = 1;
  bool saves_tokens = true;  ///< an unfinished answer is not lost
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

/// Brings a run to its end before its work is done: at a signal to any of its ranks, or in time for
/// the end of the job.
///
/// At a signal, all replicas leave their loops before the next step. At the end of the job each
/// does so by itself, one step (twice as long as the model of its step times says) before there
/// would be no time left to close everything. Requests are not started any more when they are not
/// worth it: if tokens are saved, when less time is left than to compute the prompt twice, now and
/// in the job that goes on; if they are not, when the answer, as long as answers were so far, would
/// not end in time.
class Drain {
 public:
  using Clock = std::chrono::steady_clock;

  /// Collective over grid.world(). `control` outlives this.
  Drain(parallel::ProcessGrid const& grid, RunControl const& control, DrainOptions const& options);

  /// On every rank after each step: learns from it, and looks whether a rank was told to stop.
  void on_step(StepPlan const& plan);

  /// On the first rank of a replica: it has waited for work, which is no step's time.
  void on_waited() { last_step_ = options_.now(); }

  /// On the first rank of a replica: an answer has ended.
  void on_finished(std::int32_t output_tokens) noexcept;

  /// On the first rank of a replica: whether to leave the loop before the next step.
  [[nodiscard]] bool must_leave();

  /// On the first rank of a replica: whether a request is to be started now.
  ///
  /// \param prompt_tokens  with the tokens of its answer that an earlier run drew
  /// \param output_tokens  that may still come, at most
  [[nodiscard]] bool is_worth_starting(std::int64_t prompt_tokens, std::int64_t output_tokens);

  /// On the first rank of a replica: whether no request is started any more, because none like
  /// those so far is worth it.
  [[nodiscard]] bool is_over();

  /// Returns when all ranks have left their loops. Collective over grid.world().
  ///
  /// \param meanwhile  called again and again while this rank waits
  void close(std::function<void()> const& meanwhile);

  /// Why this rank stopped, as far as it knows; empty: it didn't.
  [[nodiscard]] std::string const& reason() const noexcept { return reason_; }

  /// Seconds until everything is to be closed; none: nobody ends the job.
  [[nodiscard]] std::optional<double> seconds_left() const;

 private:
  void look();
  [[nodiscard]] double seconds_to_read(double prompt_tokens) const;

  RunControl const* control_;
  DrainOptions options_;
  parallel::Notice notice_;
  std::optional<Clock::time_point> closing_;  ///< when to begin to close
  std::string reason_;
  StepTimeModel model_;
  Clock::time_point last_step_;
  double answer_tokens_ = 0.0;  ///< of the last step
  bool is_over_ = false;
  std::int64_t num_finished_ = 0;
  std::int64_t finished_tokens_ = 0;
  std::int64_t num_started_ = 0;
  std::int64_t started_tokens_ = 0;  ///< of their prompts
};

}  // namespace talus::runtime
