// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/checkpoint/checkpoint.hpp"
#include "io/checkpoint/detail/read_plan.hpp"
#include "io/files/file_reader.hpp"

namespace talus::io::detail {

/// Reads units, one file open at a time, and checks that what they hold is finite.
class UnitReader {
 public:
  /// Keeps a pointer to `checkpoint`.
  explicit UnitReader(Checkpoint const& checkpoint) : checkpoint_{&checkpoint} {}

  /// Fills `out`, as long as the unit.
  ///
  /// \throws ConfigError  if the file can't be read or ends early; names the unit's tensors
  void read(Unit const& unit, std::span<std::byte> out);

  /// Has the system fetch a unit that will be read after this one; only of the file that was read
  /// last.
  void announce(Unit const& unit) const noexcept;

  /// \throws ConfigError  naming file, tensor, element and offset, if a floating-point element of a
  ///                      unit, read to `bytes`, is NaN or infinite
  void check_finite(Unit const& unit, std::span<std::byte const> bytes) const;

 private:
  Checkpoint const* checkpoint_;
  std::optional<files::FileReader> reader_;
  std::int32_t file_ = -1;
};

}  // namespace talus::io::detail
