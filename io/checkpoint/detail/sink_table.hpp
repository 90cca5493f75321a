// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint/detail/need.hpp"
#include "io/checkpoint/loader.hpp"

namespace talus::io::detail {

/// A rectangle of a tensor in memory, row after row without gaps.
struct PackedRect {
  Rect rect;
  std::byte const* data = nullptr;
};

/// What this rank demands, checked against the checkpoint, and where it goes.
class SinkTable {
 public:
  /// Keeps pointers to the sinks of `demands`, and to `checkpoint`.
  ///
  /// \throws ConfigError  naming the tensor, if it is missing, of an unknown dtype, not of the
  /// expected
  ///                      shape, a range lies outside of it, or four rows are more than
  ///                      `options.host_memory_bytes`
  SinkTable(Checkpoint const& checkpoint,
            std::span<TensorDemand const> demands,
            LoadOptions const& options);

  /// What is demanded, ascending, each once.
  [[nodiscard]] std::vector<Need> needs() const;

  /// Calls the sinks of all demands of `tensor` with what they demand of rows [first, last).
  ///
  /// \pre what a demand wants of these rows lies in one of `sources`
  void deliver(std::int32_t tensor,
               std::int64_t first,
               std::int64_t last,
               std::span<PackedRect const> sources) const;

 private:
  struct Entry {
    Need need;
    PieceSink const* sink = nullptr;
  };

  Checkpoint const* checkpoint_;
  std::vector<Entry> entries_;  // by tensor
};

}  // namespace talus::io::detail
