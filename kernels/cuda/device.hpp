// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/cuda/handles.hpp"
#include "kernels/cuda/library_products.hpp"
#include "kernels/cuda/memory_pool.hpp"
#include "kernels/cuda/module.hpp"
#include "kernels/cuda/nccl_links.hpp"
#include "kernels/cuda/recorded_memory.hpp"
#include "kernels/cuda/staging_plan.hpp"
#include "kernels/device.hpp"

namespace talus::kernels::cuda {

class NcclGroup;

/// One GPU, one stream on it, and all memory that is used there, taken at the start. For one
/// thread.
///
/// A context of the cuda backend has it as its `device`: buffers are made of the pool's, and
/// operations run on its stream. Never run on a card yet.
class Device final : public kernels::Device {
 public:
  /// \throws ApiError     if there is no such device, or not so much memory
  /// \throws ConfigError  if matmuls are to be a library's that isn't here
  explicit Device(DeviceOptions const& options);

  [[nodiscard]] cudaStream_t stream() const noexcept { return stream_.get(); }

  [[nodiscard]] void* allocate(std::int64_t bytes) override;
  void release(void* memory) noexcept override;
  void upload(void const* host, void* to, std::int64_t bytes) override;
  void download(void const* from, void* host, std::int64_t bytes) override;
  [[nodiscard]] std::unique_ptr<DeviceFetch> make_fetch(std::int64_t bytes) override;
  [[nodiscard]] std::unique_ptr<DeviceTimer> make_timer() override;
  void copy(void const* from, void* to, std::int64_t bytes) override;
  void clear(void* memory, std::int64_t bytes) override;
  void synchronize() override;

  [[nodiscard]] bool can_record() const noexcept override { return true; }

  void prepare_recording() override { most_scratch_ = 0; }

  void begin_recording() override;
  [[nodiscard]] std::unique_ptr<DeviceRecording> end_recording() override;
  void cancel_recording() noexcept override;

  [[nodiscard]] std::int64_t free_bytes() const override { return pool_.size() - pool_.used(); }

  /// Opens NCCL at the first call.
  [[nodiscard]] DeviceLinks* links() override;

  [[nodiscard]] BiasedMatmul biased_matmul() const override;

  [[nodiscard]] bool multiplies_code_rows(std::int64_t out,
                                          std::int64_t in,
                                          QuantStorage const& storage) override {
    return products_ != nullptr && products_->takes_codes(out, in, storage);
  }

  /// What multiplies in place of our kernels; null: nothing.
  [[nodiscard]] LibraryProducts* products() const noexcept { return products_.get(); }

  /// What a block may have of shared memory.
  [[nodiscard]] std::int64_t most_shared_bytes() const noexcept { return most_shared_bytes_; }

  /// Returns when what was queued on a stream of the device is done. Meanwhile errors of NCCL are
  /// looked for: what waits for a process that is gone would never be done.
  ///
  /// \throws ApiError  if CUDA or NCCL reports an error
  void wait_for(cudaStream_t stream, Waited waited);

  /// As above, of what was queued before the event.
  void wait_for(cudaEvent_t event, Waited waited);

  /// Queues a copy to pinned memory.
  ///
  /// \throws ConfigError  while work is recorded
  void start_fetch(void const* from, void* pinned, std::int64_t bytes);

  /// A group whose errors waits look for, from now on to remove_group().
  void add_group(NcclGroup const* group) { groups_.push_back(group); }

  void remove_group(NcclGroup const* group) noexcept { std::erase(groups_, group); }

  [[nodiscard]] MemoryPool const& pool() const noexcept { return pool_; }

  /// Where work queued from now on reads an array of the host: in its mirror, or in a copy until
  /// the operation's end. The array may change at once.
  ///
  /// \throws ConfigError  if it is more than half of the staging memory
  [[nodiscard]] void const* stage(void const* host, std::int64_t bytes);

  /// Memory of this operation, uninitialised.
  ///
  /// \throws OutOfMemory  naming what there is
  [[nodiscard]] void* scratch(std::int64_t bytes);

  /// What was taken is given back. Work that is queued may still use it: what is queued later
  /// waits.
  void end_operation();

 private:
  [[nodiscard]] void* at(std::int64_t offset) const noexcept {
    return static_cast<std::byte*>(memory_.get()) + offset;
  }

  /// \throws ConfigError  naming what is asked for while work is recorded
  void refuse_while_recording(char const* what) const;

  /// Opens the library that is to multiply.
  void open_products();

  [[nodiscard]] std::int64_t take_piece(std::int64_t bytes);

  /// Pinned memory for `bytes` bytes to go through, whose copy is queued next.
  [[nodiscard]] std::byte* take_pinned(std::int64_t bytes);

  void queue_copy(void const* from, void* to, std::int64_t bytes);

  /// Returns when `query`, of a stream or an event, is no longer cudaErrorNotReady.
  template <class Query>
  void wait_until(Query const& query, char const* what, Waited waited);

  /// Waits until what was queued for a half of the staging memory is done, if one is entered.
  void enter(StagingPlan::Place const& place);

  Stream stream_;
  std::unique_ptr<NcclLinks> links_;
  std::unique_ptr<LibraryProducts> products_;
  DeviceMemory memory_;
  MemoryPool pool_;
  std::vector<std::int64_t> taken_;  ///< by this operation
  std::int64_t taken_bytes_ = 0;     ///< likewise
  std::int64_t most_scratch_ = 0;    ///< that an operation took since prepare_recording()
  std::shared_ptr<PoolRange const> recorded_scratch_;
  std::unique_ptr<RecordedMemory> recorded_;  ///< of what is being recorded
  StagingPlan staging_plan_;
  PinnedMemory staging_;
  DeviceMemory staged_;
  Event half_done_[2];
  std::int64_t most_shared_bytes_ = 0;
  std::vector<NcclGroup const*> groups_;
};

/// \param flags  of CUDA: an event that takes no times if none are given
/// \throws ApiError  if the driver makes none
[[nodiscard]] Event make_event(unsigned flags = cudaEventDisableTiming);

/// The device of a context of the cuda backend.
///
/// \throws ConfigError  if it has none
[[nodiscard]] Device& device_of(ExecContext const& exec);

}  // namespace talus::kernels::cuda
