// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include "runtime/scheduler/scheduler.hpp"

namespace talus::test {

/// What random traffic is like.
struct TrafficOptions {
  int most_samples = 1;    ///< sequences of a request, at most
  int give_up_one_in = 0;  ///< steps after which some sequence is given up, on average; 0: never
};

/// What a test knows of a sequence without asking the scheduler.
struct Watched {
  int number = 0;  ///< in order of arrival
  int prompt = 0;  ///< number of its prompt
  runtime::SequenceLimits limits;
  std::int32_t output = 0;  ///< tokens after which it ends
  std::int32_t computed = 0;
  std::int32_t drawn = 0;
  std::int32_t in_flight = 0;  ///< tokens of the open plans
  std::int32_t drawing = 0;    ///< that these draw
  int open_plans = 0;          ///< that it is in
  bool was_admitted = false;
};

/// A random client of a scheduler that checks each plan against its own books, and keeps a naive
/// cache that says whether every token that a query sees is where the block tables say.
class Traffic {
 public:
  Traffic(runtime::SchedulerOptions const& options, unsigned seed, TrafficOptions const& traffic);

  /// Sends `total` sequences through, arriving at random, and runs until the last one has ended.
  void run(int total);

  [[nodiscard]] std::int64_t preemptions() const { return preemptions_; }

  [[nodiscard]] std::int64_t recomputed() const { return recomputed_; }

  /// Tokens of prompts that were not computed, since another sequence had done so.
  [[nodiscard]] std::int64_t shared() const { return shared_; }

  /// Entries of plans made ahead whose sequences had ended.
  [[nodiscard]] std::int64_t voided() const { return voided_; }

  /// Plans that were made while another one was open.
  [[nodiscard]] std::int64_t planned_ahead() const { return planned_ahead_; }

  [[nodiscard]] std::vector<runtime::PlanEntry> const& history() const { return history_; }

 private:
  [[nodiscard]] std::int32_t draw(std::int32_t below);
  [[nodiscard]] bool may_plan() const;
  void add(int total);
  void give_up();
  void check_plan(runtime::StepPlan const& plan);
  void check_entry(runtime::PlanEntry const& entry);
  void check_admitted(runtime::StepPlan const& plan);
  void copy_blocks(runtime::StepPlan const& plan);
  void write_tokens(runtime::PlanEntry const& entry);
  void check_seen(runtime::PlanEntry const& entry);
  void commit();
  void end(runtime::SequenceId id);
  void check_blocks();
  [[nodiscard]] std::int64_t content(Watched const& sequence, std::int32_t position) const;
  [[nodiscard]] std::int64_t& place(runtime::BlockId block, std::int32_t position);

  runtime::SchedulerOptions options_;
  TrafficOptions traffic_;
  runtime::KvGeometry geometry_;
  runtime::Scheduler scheduler_;
  std::mt19937 random_;
  std::map<runtime::SequenceId, Watched> watched_;
  std::map<runtime::SequenceId, Watched> leaving_;  ///< ended, and in an open plan
  std::deque<std::vector<runtime::PlanEntry>> open_;
  std::vector<runtime::PlanEntry> history_;
  std::vector<std::int64_t> cache_;  ///< [blocks, block_tokens] which token is where
  int arrived_ = 0;
  int prompts_ = 0;
  int ended_ = 0;
  int first_admissions_ = 0;
  int steps_ = 0;
  std::int64_t preemptions_ = 0;
  std::int64_t recomputed_ = 0;
  std::int64_t shared_ = 0;
  std::int64_t voided_ = 0;
  std::int64_t planned_ahead_ = 0;
};

/// Just enough memory for the longest sequence of the traffic, so that sequences compete for it.
[[nodiscard]] runtime::SchedulerOptions small_memory(runtime::Admission admission,
                                                     std::int32_t steps_in_flight,
                                                     std::vector<std::int32_t> const& windows);

}  // namespace talus::test
