// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace talus {

/// Where the library tells a person what it does; the program decides what becomes of it.
///
/// Called on rank 0 only, unless a rank failed.
class Reporter {
 public:
  Reporter() = default;
  Reporter(Reporter const&) = delete;
  Reporter& operator=(Reporter const&) = delete;
  virtual ~Reporter() = default;

  /// A line of information.
  virtual void info(std::string_view line) = 0;

  /// Something that looks wrong, but stops nothing.
  virtual void warn(std::string_view line) = 0;

  /// How far the run is; replaces the last such line where that can be done.
  virtual void progress(std::string_view line) = 0;
};

}  // namespace talus
