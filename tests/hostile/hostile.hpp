// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/error.hpp"
#include "runtime/batch/batch_run.hpp"

/// \file
/// Whole runs over input that somebody damaged, in the test's own process, on all of its ranks.

namespace talus::test {

/// A folder with a model that runs, a file of requests, and a place for the answers. All members
/// are collective over MPI_COMM_WORLD; rank 0 alone touches the files.
class HostileRun {
 public:
  HostileRun();
  ~HostileRun();
  HostileRun(HostileRun const&) = delete;
  HostileRun& operator=(HostileRun const&) = delete;

  [[nodiscard]] std::filesystem::path const& folder() const noexcept { return folder_; }

  [[nodiscard]] std::filesystem::path model() const { return folder_ / "model"; }

  /// Calls `change` on rank 0, with the model's folder; all see what it did.
  void damage(std::function<void(std::filesystem::path const& model)> const& change) const;

  /// Replaces a file of the model.
  void write(std::string_view name, std::string_view text) const;

  /// Replaces the requests.
  void write_requests(std::string_view text) const;

  /// The options of a run over these files, to be changed.
  runtime::ModelOptions options;
  runtime::BatchOptions batch;

  /// Runs.
  ///
  /// \return what every rank threw, or "" if none did; checked: all threw the same ConfigError, and
  ///         none after the work began
  [[nodiscard]] std::string refusal() const;

  /// Runs, which must work.
  ///
  /// \return the lines of the answers, on every rank
  [[nodiscard]] std::vector<std::string> answers() const;

 private:
  std::filesystem::path folder_;
};

/// A file of the folder of a HostileRun, changed; what every rank must say.
struct HostileFile {
  std::string what;
  std::string content;
  std::vector<std::string> said;
};

/// A sound model's files, for tests that damage them.
[[nodiscard]] std::string sound_config();
[[nodiscard]] std::string sound_weights();
[[nodiscard]] std::string sound_tokenizer();
[[nodiscard]] std::string sound_requests();

/// `text` with the first `from` replaced.
/// \pre  it is there
[[nodiscard]] std::string replaced(std::string text, std::string_view from, std::string_view to);

/// Runs with each version of a file in place of the model's own, and checks what is said.
void check_refusals(std::string_view file, std::vector<HostileFile> const& cases);

}  // namespace talus::test
