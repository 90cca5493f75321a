// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/reporter.hpp"

namespace talus::runtime {

/// How far a run is.
struct RunProgress {
  double elapsed_s = 0.0;
  std::int64_t requests = 0;  ///< of the whole input, with those that earlier runs did
  std::int64_t answers = 0;
  std::int64_t errors = 0;
  std::int64_t output_tokens = 0;  ///< of answers finished in this run
  std::int32_t running = 0;        ///< sequences of rank 0's replica
  double kv_cache_used = 0.0;      ///< share of its blocks
  std::optional<double> left_s =
      std::nullopt;  ///< until all is done, as it goes; none: not known yet
  std::optional<double> limit_s = std::nullopt;  ///< until the run stops by itself; none: no limit
};

/// `--status FILE`: what a run is doing, as one JSON object that is replaced as a whole, for who
/// watches from elsewhere. On rank 0; a file that can't be written costs a warning, never the run.
class StatusFile {
 public:
  /// \param file      empty: nothing is ever written
  /// \param output    the run's, to be named
  /// \param reporter  outlives this
  StatusFile(std::string file, std::string output, Reporter& reporter);

  StatusFile(StatusFile const&) = delete;
  StatusFile& operator=(StatusFile const&) = delete;

  /// Says that the run failed, if an exception is on its way.
  ~StatusFile();

  /// Writes at once that the run is in another state.
  ///
  /// \param state   loading, running, done, stopped, failed
  /// \param reason  why it stopped; may be empty
  void enter(std::string_view state, std::string_view reason = {});

  /// Writes how far it is, every other second at most.
  void update(RunProgress const& progress);

 private:
  using Clock = std::chrono::steady_clock;

  void write() noexcept;

  std::string file_;
  std::string output_;
  Reporter* reporter_;
  int exceptions_before_ = std::uncaught_exceptions();
  std::string state_;
  std::string reason_;
  RunProgress progress_;
  Clock::time_point last_{};
  bool has_warned_ = false;
};

}  // namespace talus::runtime
