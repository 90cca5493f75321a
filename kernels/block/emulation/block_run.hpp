// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/emulation/access_log.hpp"
#include "kernels/block/emulation/fault.hpp"
#include "kernels/block/emulation/fiber.hpp"
#include "kernels/block/emulation/schedule.hpp"

namespace talus::kernels::block::emulation {

class EmulatedBlock;

/// A kernel whose type is forgotten.
class AnyKernel {
 public:
  AnyKernel() = default;
  AnyKernel(AnyKernel const&) = delete;
  AnyKernel& operator=(AnyKernel const&) = delete;
  virtual ~AnyKernel() = default;

  /// One thread's part of a block.
  virtual void run(EmulatedBlock& block) const = 0;

  [[nodiscard]] virtual char const* name() const noexcept = 0;

  /// Whether blocks wait for those of other devices: all of them run at a time there, and here in
  /// one order on all devices.
  [[nodiscard]] virtual bool meets_peers() const noexcept = 0;
};

/// Where a thread waits for others.
struct Wait {
  enum class Kind { none, block, warp };

  Kind kind = Kind::none;
  char const* what = "";  ///< "barrier", "shuffle", ...
  SourceLocation where;
};

/// What a lane gives to the others of its warp.
using LaneValue = std::array<std::uint64_t, 3>;

/// What all lanes of a warp gave.
using WarpValues = std::array<LaneValue, warp_size>;

/// A copy to shared memory that has begun.
struct PendingCopy {
  std::int64_t group = 0;    ///< in which the thread waits for it
  std::int64_t element = 0;  ///< the first one, by its number among all of the block
  int count = 0;
  std::int64_t offset = 0;  ///< in the block's shared memory
  std::vector<std::byte> bytes;
};

/// Runs the blocks of launches, one after another: their threads as fibers, until each of them
/// waits or has returned.
class BlockRun final : public FiberBody {
 public:
  explicit BlockRun(Schedule schedule) : orders_{schedule} {}

  /// \throws KernelFault  for what the kernel does wrong
  void run_grid(AnyKernel const& kernel, LaunchShape const& shape);

  // What follows is for threads of the block that runs.

  [[nodiscard]] Dim3 const& grid() const noexcept { return shape_.grid; }

  [[nodiscard]] Dim3 const& block_index() const noexcept { return block_index_; }

  [[nodiscard]] int num_threads() const noexcept { return shape_.threads; }

  /// Returns when all threads of the block, or of the warp, wait at this place.
  void wait(int thread, Wait const& wait);

  /// As a wait of the warp: all lanes give a value, and get those of all.
  [[nodiscard]] WarpValues const& exchange(int thread, LaneValue const& value, Wait const& wait);

  /// Orders the memory accesses of the warp's threads: to be called after a wait.
  void end_warp_epoch(int thread);

  /// The thread's next array in shared memory.
  [[nodiscard]] SharedSpan<std::byte> allocate(int thread, std::int64_t size, std::int64_t bytes);

  /// `count` neighbouring elements of shared memory are about to be accessed.
  void note_shared(
      int thread, std::int64_t element, int count, AccessKind kind, SourceLocation where);

  /// The same, of the device's memory.
  void note_global(int thread, void const* element, AccessKind kind, SourceLocation where);

  /// A copy to shared memory begins, whose bytes come when the thread waits for it: until then they
  /// are NaN. Its group is the thread's current one.
  void begin_copy(int thread, PendingCopy copy, SourceLocation where);

  /// Ends the thread's current group of copies.
  void end_copy_group(int thread);

  /// Finishes the thread's groups, but for the last `most` that have ended.
  void finish_copies(int thread, std::int64_t most);

  [[nodiscard]] std::byte* shared_memory() noexcept { return shared_.data(); }

  /// \throws KernelFault  of this thread
  [[noreturn]] void fail(FaultKind kind,
                         int thread,
                         std::string const& problem,
                         SourceLocation where) const;

  void run(int number) noexcept override;

 private:
  enum class State { ready, waiting, returned };

  struct Thread {
    State state = State::ready;
    bool is_inside = false;  ///< has begun and not returned
    Wait wait;
    int num_arrays = 0;
    std::int64_t waits_of_warp = 0;  ///< barriers of its warp behind it
    LaneValue value{};
    std::int64_t copy_groups = 0;  ///< that have ended
    std::vector<PendingCopy> copies;
  };

  struct Array {
    SharedSpan<std::byte> span;
    std::int64_t bytes = 0;  ///< of an element
  };

  void check_shape() const;
  void run_block(std::int64_t number);
  void begin_block();
  void run_ready_threads();
  [[nodiscard]] bool release();
  [[nodiscard]] bool release_block();
  [[nodiscard]] bool release_warp(int warp);
  void require_same_place(int first, int last);
  [[noreturn]] void report_divergence();
  void cancel();
  [[nodiscard]] std::string name_of_block() const;
  [[nodiscard]] std::string describe(int thread) const;
  [[nodiscard]] std::string describe(Conflict const& conflict, bool is_own) const;

  Orders orders_;
  AnyKernel const* kernel_ = nullptr;
  LaunchShape shape_;
  Dim3 block_index_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Thread> threads_;
  std::vector<int> order_;
  std::vector<std::int64_t> block_order_;
  std::vector<WarpValues> exchanged_;  ///< [warps]
  std::vector<std::byte> shared_;
  std::vector<Array> arrays_;
  std::int64_t used_bytes_ = 0;
  std::int32_t num_elements_ = 0;
  std::int64_t epoch_ = 0;
  SharedLog shared_log_;
  GlobalLog global_log_;
  std::exception_ptr fault_;
  bool is_cancelled_ = false;
};

}  // namespace talus::kernels::block::emulation
