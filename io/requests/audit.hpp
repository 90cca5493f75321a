// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace talus::io {

/// Something that is wrong with an output: how often, and the first cases by name.
struct AuditFinding {
  std::int64_t count = 0;
  std::vector<std::string> first{};

  /// Counts a case.
  void add(std::string name);
};

/// Cases of a finding that are named.
inline constexpr std::size_t most_named = 10;

/// Whether each request of an input has its one line in an output.
struct Audit {
  std::int64_t requests = 0;
  std::int64_t answers = 0;  ///< lines without an error
  std::int64_t errors = 0;   ///< lines with one
  AuditFinding missing{};    ///< requests without a line
  AuditFinding repeated{};   ///< requests with more than one
  AuditFinding unknown{};    ///< lines that no request of the input asked for
  AuditFinding broken{};     ///< lines that are torn, or no line of a batch's output

  [[nodiscard]] bool is_complete() const noexcept {
    return missing.count + repeated.count + unknown.count + broken.count == 0;
  }
};

/// Goes through an input and an output.
///
/// A line belongs to the request with its custom_id; an error, which may be of a line without one
/// or with an earlier one's, to the line of the input that it names. Ids are compared by 64-bit
/// hashes, as index_input does.
///
/// \throws ConfigError  if one of the files can't be read
/// Cost: parses every line of the output; 40 bytes of memory a request.
[[nodiscard]] Audit audit_output(std::filesystem::path const& input,
                                 std::filesystem::path const& output);

}  // namespace talus::io
