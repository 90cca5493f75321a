// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "kernels/device.hpp"
#include "kernels/device_recording.hpp"
#include "runtime/model/step_clock.hpp"

namespace talus::runtime {

/// What the launches of a decoding step depend on: steps of one kind do the same ones, on the same
/// memory, whatever their sequences and blocks are.
struct StepKind {
  std::int64_t num_sequences = 0;
  std::int64_t max_blocks = 0;   ///< columns of the block tables
  std::int64_t most_routed = 0;  ///< as StepBatch has it
  bool takes_drawn = false;      ///< some of its tokens are what the step before draws
  bool draws = false;            ///< with the output head and the drawing of tokens

  friend auto operator<=>(StepKind const&, StepKind const&) = default;
};

/// The work of decoding steps, recorded on a device (as CUDA graphs), so that the host queues a
/// whole step at once in place of each of its launches.
///
/// The first step of a kind runs as it is; so does the second one, which is then recorded; later
/// ones are replayed. When memory of the device has been allocated or released since, what was
/// recorded is dropped, for its launches may use what is another's now.
class StepRecordings {
 public:
  /// What was done so far.
  struct Counters {
    std::int64_t recorded = 0;
    std::int64_t replayed = 0;
    std::int64_t dropped = 0;  ///< for changes of memory, or for want of room

    friend bool operator==(Counters const&, Counters const&) = default;
  };

  /// \param device  outlives this, as does `clock`
  /// \param most    recordings at a time, > 0: the one that wasn't used for longest goes
  StepRecordings(kernels::Device& device, StepClock& clock, std::int64_t most)
      : device_{&device}, clock_{&clock}, most_{most} {}

  /// Does the work of a step.
  ///
  /// \param work  asks the device for the same in each step of the kind, and for nothing that
  ///              needs the host while it is done
  /// \return whether it was replayed: `work` was not called
  bool run(StepKind const& kind, std::function<void()> const& work);

  [[nodiscard]] Counters const& counters() const noexcept { return counters_; }

  /// What the device's library said when it couldn't record a step: from then on steps are done as
  /// they are. Empty: nothing.
  [[nodiscard]] std::string const& problem() const noexcept { return problem_; }

 private:
  struct Entry {
    std::int64_t last_used = 0;
    std::unique_ptr<kernels::DeviceRecording> recording;  ///< null: seen once
    StepClock::Counts counts;                             ///< of a step, which replays don't count
  };

  void drop_stale();
  void make_room(StepKind const& kind);
  void record(Entry& entry, std::function<void()> const& work);

  kernels::Device* device_;
  StepClock* clock_;
  std::int64_t most_;
  std::int64_t num_steps_ = 0;
  std::int64_t memory_changes_ = 0;  ///< of the device, when the recordings were made
  bool lacks_memory_ = false;        ///< for any further recording
  std::string problem_;
  std::map<StepKind, Entry> entries_;
  Counters counters_;
};

}  // namespace talus::runtime
