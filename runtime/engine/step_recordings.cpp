// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/step_recordings.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

io::Phase phase_of(StepKind const& kind) {
  return kind.draws ? io::Phase::recorded_step : io::Phase::recorded_layers;
}

}  // namespace

bool StepRecordings::run(StepKind const& kind, std::function<void()> const& work) {
  drop_stale();
  auto const known = entries_.find(kind);
  if (known == entries_.end()) {
    make_room(kind);
    work();
    return false;
  }
  Entry& entry = known->second;
  entry.last_used = ++num_steps_;
  if (entry.recording) {
    auto const timed = clock_->scope(phase_of(kind));
    entry.recording->replay();
    clock_->add(entry.counts);
    ++counters_.replayed;
    return true;
  }
  device_->prepare_recording();
  work();
  if (!lacks_memory_ && problem_.empty()) {
    record(entry, work);
  }
  return false;
}

/// Forgets what was recorded before memory changed; what was seen stays known.
void StepRecordings::drop_stale() {
  if (device_->num_memory_changes() == memory_changes_) {
    return;
  }
  memory_changes_ = device_->num_memory_changes();
  lacks_memory_ = false;
  for (auto& [kind, entry] : entries_) {
    counters_.dropped += entry.recording ? 1 : 0;
    entry.recording.reset();
  }
}

/// Enters a kind that was not seen yet.
void StepRecordings::make_room(StepKind const& kind) {
  if (static_cast<std::int64_t>(entries_.size()) >= most_) {
    auto const oldest =
        std::min_element(entries_.begin(), entries_.end(), [](auto const& left, auto const& right) {
          return left.second.last_used < right.second.last_used;
        });
    counters_.dropped += oldest->second.recording ? 1 : 0;
    entries_.erase(oldest);
  }
  entries_[kind].last_used = ++num_steps_;
}

void StepRecordings::record(Entry& entry, std::function<void()> const& work) {
  StepClock::Counts const before = clock_->counts();
  try {
    kernels::RecordingScope scope{*device_};
    work();
    entry.recording = scope.finish();
    ++counters_.recorded;
  } catch (OutOfMemory const&) {
    lacks_memory_ = true;
  } catch (ApiError const& error) {
    problem_ = error.what();
  }
  entry.counts = clock_->counts() - before;
  clock_->set_counts(before);
}

}  // namespace talus::runtime
