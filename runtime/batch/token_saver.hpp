// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "runtime/batch/batch_client.hpp"

namespace talus::runtime {

/// Between two steps on the first rank of a replica: has the tokens of unfinished answers saved, at
/// intervals.
class TokenSaver final : public StepObserver {
 public:
  /// What is passed by reference outlives this.
  ///
  /// \param next     the observer to call before; not null
  /// \param every_s  seconds; 0: after each step; negative: never
  TokenSaver(StepObserver& next, BatchClient& client, double every_s)
      : next_{&next}, client_{&client}, every_{every_s} {}

  void on_step(StepPlan const& plan, Scheduler const& scheduler, Decoder& decoder) override {
    next_->on_step(plan, scheduler, decoder);
    auto const now = Clock::now();
    if (every_.count() >= 0 && now - last_ >= every_) {
      last_ = now;
      client_->save_unfinished();
    }
  }

  void on_run_end(Decoder& decoder) override { next_->on_run_end(decoder); }

 private:
  using Clock = std::chrono::steady_clock;

  StepObserver* next_;
  BatchClient* client_;
  std::chrono::duration<double> every_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace talus::runtime
