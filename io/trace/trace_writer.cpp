// SPDX-License-Identifier: Apache-2.0
#include "io/trace/trace_writer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "io/trace/detail/expert_counts.hpp"
#include "io/trace/detail/rank_file.hpp"
#include "io/trace/detail/record_stream.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/signals_blocked.hpp"

namespace talus::io {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// How often the queues are emptied at least, so that their capacity bounds a rate, not a total.
constexpr double drain_interval_s = 0.1;

// Longer intervals are a mistake of units, and would overflow the clock.
constexpr double longest_interval_s = 1e6;

void check_interval(char const* name, double seconds) {
  if (!(seconds > 0) || seconds > longest_interval_s) {
    throw ConfigError{
        concat("trace ", name, ": ", seconds, " s (must be above 0 and at most 1e6)")};
  }
}

void check_size(char const* name, std::size_t size) {
  constexpr std::size_t largest = std::size_t{1} << 24;
  if (size == 0 || size > largest) {
    throw ConfigError{concat("trace ", name, ": ", size, " (must be from 1 to ", largest, ')')};
  }
}

TraceOptions checked(TraceOptions const& options) {
  check_interval("flush_interval_s", options.flush_interval_s);
  check_interval("expert_interval_s", options.expert_interval_s);
  check_size("step_queue_capacity", options.step_queue_capacity);
  check_size("request_queue_capacity", options.request_queue_capacity);
  check_size("step_chunk_rows", options.step_chunk_rows);
  check_size("request_chunk_rows", options.request_chunk_rows);
  return options;
}

double unix_time_s() {
  return Seconds{std::chrono::system_clock::now().time_since_epoch()}.count();
}

}  // namespace

class TraceWriter::Impl {
 public:
  Impl(std::filesystem::path const& file, RunInfo const& run, TraceOptions const& options)
      : options_{checked(options)},
        path_{file.string()},
        rank_{run.rank},
        epoch_unix_s_{run.epoch_unix_s},
        interval_begin_s_{unix_time_s() - run.epoch_unix_s},
        steps_{options.step_queue_capacity},
        requests_{options.request_queue_capacity},
        preemptions_{options.request_queue_capacity},
        experts_{run.moe_layers.size(), static_cast<std::size_t>(std::max(run.num_experts, 0))} {
    std::promise<void> promise;
    std::future<void> started = promise.get_future();
    {
      SignalsBlocked const blocked;
      thread_ = std::jthread{
          [this, file, run, promise = std::move(promise)](std::stop_token const& stop) mutable {
            write_file(file, run, stop, std::move(promise));
          }};
    }
    parallel::FileScope const opening{options_.calls, "open", path_};
    started.get();
  }

  void record(StepRecord const& record) noexcept { steps_.push(record, is_open()); }

  void record(RequestRecord const& record) noexcept { requests_.push(record, is_open()); }

  void record(PreemptionRecord const& record) noexcept { preemptions_.push(record, is_open()); }

  void count_expert_tokens(std::size_t layer, std::span<std::int32_t const> tokens) noexcept {
    experts_.add(layer, tokens);
  }

  void close() noexcept {
    if (!thread_.joinable()) {
      return;
    }
    parallel::FileScope const closing{options_.calls, "close", path_};
    is_open_.store(false, std::memory_order_relaxed);
    thread_.request_stop();
    thread_.join();
    steps_.lose();
    requests_.lose();
    preemptions_.lose();
  }

  bool flush(double patience_s) noexcept {
    std::uint64_t const number = flushes_asked_.fetch_add(1) + 1;
    auto const end = Clock::now() + Seconds{patience_s};
    while (flushes_done_ < number && Clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return flushes_done_ >= number;
  }

  [[nodiscard]] std::string error() const {
    std::lock_guard const lock{mutex_};
    return error_;
  }

  [[nodiscard]] DroppedCounts dropped() const noexcept {
    return {steps_.dropped(), requests_.dropped(), preemptions_.dropped()};
  }

 private:
  [[nodiscard]] bool is_open() const noexcept { return is_open_.load(std::memory_order_relaxed); }

  // All of the thread.
  void write_file(std::filesystem::path const& path,
                  RunInfo const& run,
                  std::stop_token const& stop,
                  std::promise<void> started) {
    detail::H5Quiet const quiet;
    std::optional<detail::RankFile> file;
    try {
      file.emplace(path, run, options_);
    } catch (...) {
      started.set_exception(std::current_exception());
      return;
    }
    started.set_value();
    try {
      write_until(stop, *file);
    } catch (std::exception const& error) {
      is_open_.store(false, std::memory_order_relaxed);
      file->abandon();
      std::lock_guard const lock{mutex_};
      error_ = error.what();
    }
  }

  void write_until(std::stop_token const& stop, detail::RankFile& file) {
    Seconds const flush_interval{options_.flush_interval_s};
    Seconds const wake_interval{std::min(options_.flush_interval_s, drain_interval_s)};
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any never_notified;  // but by the request to stop
    auto last_flush = Clock::now();
    auto last_experts = last_flush;
    while (!stop.stop_requested()) {
      never_notified.wait_for(lock, stop, wake_interval, [] { return false; });
      drain();
      auto const now = Clock::now();
      std::uint64_t const asked = flushes_asked_;
      bool const is_asked = asked > flushes_done_;
      if (is_asked || now - last_experts >= Seconds{options_.expert_interval_s}) {
        write_experts(file);
        last_experts = now;
      }
      if (is_asked || now - last_flush >= flush_interval) {
        write_rows(file);
        last_flush = now;
        flushes_done_ = asked;
      }
    }
    drain();
    write_experts(file);
    write_rows(file);
    file.finish();
  }

  void drain() {
    preemptions_.drain(rank_);
    requests_.drain(rank_);
    steps_.drain(rank_);
  }

  // Rows count as written once they are flushed; if that fails, they were dropped.
  void write_rows(detail::RankFile& file) {
    file.append(preemptions_.rows());
    file.append(requests_.rows());
    file.append(steps_.rows());
    if (DroppedCounts const now = dropped(); now != dropped_in_file_) {
      file.set_dropped(now);
      dropped_in_file_ = now;
    }
    file.flush();
    preemptions_.mark_written();
    requests_.mark_written();
    steps_.mark_written();
  }

  void write_experts(detail::RankFile& file) {
    double const now_s = unix_time_s() - epoch_unix_s_;
    if (experts_.take()) {
      file.append_experts({rank_, interval_begin_s_, now_s}, experts_.taken());
    }
    interval_begin_s_ = now_s;
  }

  TraceOptions options_;
  std::string path_;
  std::int32_t rank_;
  double epoch_unix_s_;
  double interval_begin_s_;  // of the expert counts; the thread's, as dropped_in_file_
  DroppedCounts dropped_in_file_;

  std::atomic<bool> is_open_{true};
  std::atomic<std::uint64_t> flushes_asked_{0};
  std::atomic<std::uint64_t> flushes_done_{0};
  detail::RecordStream<StepRecord> steps_;
  detail::RecordStream<RequestRecord> requests_;
  detail::RecordStream<PreemptionRecord> preemptions_;
  detail::ExpertCounts experts_;

  mutable std::mutex mutex_;
  std::string error_;

  std::jthread thread_;  // last, so that it ends before what it uses
};

TraceWriter::TraceWriter(std::filesystem::path const& file,
                         RunInfo const& run,
                         TraceOptions const& options)
    : impl_{std::make_unique<Impl>(file, run, options)} {}

TraceWriter::~TraceWriter() {
  close();
}

void TraceWriter::record(StepRecord const& record) noexcept {
  impl_->record(record);
}

void TraceWriter::record(RequestRecord const& record) noexcept {
  impl_->record(record);
}

void TraceWriter::record(PreemptionRecord const& record) noexcept {
  impl_->record(record);
}

void TraceWriter::count_expert_tokens(std::size_t layer,
                                      std::span<std::int32_t const> tokens) noexcept {
  impl_->count_expert_tokens(layer, tokens);
}

bool TraceWriter::flush(double patience_s) noexcept {
  return impl_->flush(patience_s);
}

void TraceWriter::close() noexcept {
  impl_->close();
}

std::string TraceWriter::error() const {
  return impl_->error();
}

DroppedCounts TraceWriter::dropped() const noexcept {
  return impl_->dropped();
}

}  // namespace talus::io
