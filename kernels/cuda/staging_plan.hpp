// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

namespace talus::kernels::cuda {

/// Shares out staging memory, through which arrays of the host get to a device, half by half: one
/// is filled while copies from the other may go on. Only offsets: see MemoryPool. Not for several
/// threads.
///
/// An array that lies in the half in use already isn't copied again: what operations are told
/// (addresses of weights, shapes, who is in which tile) is the same in layer after layer, and most
/// of it in step after step.
class StagingPlan {
 public:
  /// \pre bytes >= 0; what is over two halves of whole pieces isn't used
  explicit StagingPlan(std::int64_t bytes);

  /// Where an array goes, or is.
  struct Place {
    std::int64_t offset = 0;
    bool is_there = false;       ///< the same bytes are there: nothing to copy
    std::optional<int> entered;  ///< a half that is used from now on, once what was queued for it
                                 ///< is done; the other one is left
  };

  /// Room for `bytes` > 0 bytes, up to half_bytes().
  [[nodiscard]] Place take(std::int64_t bytes);

  /// Where the array is, or room for it, which the caller fills before the next call.
  ///
  /// \param array   not empty, up to half_bytes()
  /// \param memory  the staging memory, as filled by now
  [[nodiscard]] Place place(std::span<std::byte const> array, std::byte const* memory);

  [[nodiscard]] std::int64_t half_bytes() const noexcept { return half_bytes_; }

 private:
  struct Array {
    std::int64_t offset = 0;
    std::size_t bytes = 0;
  };

  std::int64_t half_bytes_ = 0;
  int half_ = 0;
  std::int64_t used_ = 0;                         ///< of the half in use
  std::unordered_map<std::size_t, Array> known_;  ///< in the half in use, by hash
};

}  // namespace talus::kernels::cuda
