// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/cuda/handles.hpp"
#include "kernels/cuda/memory_pool.hpp"
#include "kernels/memory_source.hpp"

namespace talus::kernels::cuda {

/// What of a GPU a Device takes.
struct DeviceOptions {
  int number = 0;                                      ///< among the visible ones
  std::int64_t pool_bytes = 0;                         ///< of its memory
  std::int64_t staging_bytes = std::int64_t{8} << 20;  ///< for what the host uploads
};

/// One GPU, one stream on it, and all memory that is used there, taken at the start. For one
/// thread.
///
/// A context of the cuda backend has it as its `memory`: buffers are made of the pool's, and
/// operations run on its stream. Never run on a card yet.
class Device final : public MemorySource {
 public:
  /// \throws ApiError  if there is no such device, or not so much memory
  explicit Device(DeviceOptions const& options);

  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_.get(); }

  /// Memory of the pool, for good.
  ///
  /// \throws OutOfMemory  naming what there is
  [[nodiscard]] void* take(std::int64_t bytes) override;

  [[nodiscard]] bool is_filled_here(void const* /*memory*/) const override { return true; }

  [[nodiscard]] MemoryPool const& pool() const noexcept { return pool_; }

  /// A copy of host memory that work queued from now on reads, until the operation's end. What it
  /// was copied from may change at once.
  ///
  /// \throws ConfigError  if it is more than half of the staging memory
  [[nodiscard]] void const* upload(void const* from, std::int64_t bytes);

  /// Memory of this operation, uninitialised.
  ///
  /// \throws OutOfMemory  naming what there is
  [[nodiscard]] void* scratch(std::int64_t bytes);

  /// What was taken is given back. Work that is queued may still use it: what is queued later
  /// waits.
  void end_operation();

  /// Returns when all that is queued is done.
  void synchronize();

 private:
  [[nodiscard]] std::int64_t take_piece(std::int64_t bytes);

  /// Staging memory is used half by half: one is filled while copies from the other may go on.
  void enter_half(int half);

  Stream stream_;
  DeviceMemory memory_;
  MemoryPool pool_;
  std::vector<std::int64_t> taken_;  ///< by this operation
  PinnedMemory staging_;
  DeviceMemory staged_;
  std::int64_t half_bytes_ = 0;
  std::int64_t staging_used_ = 0;  ///< of this half
  int half_ = 0;
  Event half_done_[2];
};

}  // namespace talus::kernels::cuda
