// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "io/requests/answer_file.hpp"

namespace talus::io {

/// A stream of requests kept in a file beside the output for as long as the run takes, as an input
/// is gone through more than once and by more than one rank.
class SpooledInput {
 public:
  /// Copies everything from an open descriptor, such as 0 for standard input, to `<output>.input`.
  ///
  /// \throws ConfigError  if it can't be read or written, or the file exists and may not be
  ///                      overwritten
  SpooledInput(int descriptor, std::filesystem::path const& output, Existing existing);

  /// Removes the file.
  ~SpooledInput();
  SpooledInput(SpooledInput const&) = delete;
  SpooledInput& operator=(SpooledInput const&) = delete;

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

 private:
  void remove_file() noexcept;

  std::filesystem::path path_;
};

}  // namespace talus::io
