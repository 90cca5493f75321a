// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/emulation/block_run.hpp"
#include "kernels/block/emulation/emulated_block.hpp"
#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/block/emulation/fenced_recording.hpp"

namespace talus::kernels::block::emulation {

/// What was launched.
struct LaunchRecord {
  std::string_view kernel;
  LaunchShape shape;

  friend bool operator==(LaunchRecord const& a, LaunchRecord const& b) {
    return a.kernel == b.kernel && a.shape.grid == b.shape.grid &&
           a.shape.threads == b.shape.threads && a.shape.shared_bytes == b.shape.shared_bytes;
  }
};

/// A GPU that is none: launches return when the kernel is done. Its memory is the host's, but for
/// what a FencedDevice gives.
class EmulatedDevice {
 public:
  explicit EmulatedDevice(Schedule schedule = {}) : run_{schedule} {}

  /// \param fenced  whose memory the operation uses; null: the host's
  void begin_operation(FencedDevice* fenced) {
    fenced_ = fenced;
    if (fenced_ != nullptr) {
      fenced_->open();
    }
  }

  /// What multiplies in place of our kernels; null: nothing.
  [[nodiscard]] cuda::LibraryProducts* products() const noexcept {
    return fenced_ == nullptr ? nullptr : fenced_->products();
  }

  /// Has the library multiply, behind what was launched before.
  template <class Product>
  void multiply(cuda::LibraryProducts& library, Product const& product) {
    if (FencedRecording* const recording = current_recording()) {
      return recording->add([device = fenced_, &library, product](BlockRun&) {
        OpenedMemory const opened{*device};
        library.multiply(product);
      });
    }
    library.multiply(product);
  }

  /// \throws KernelFault  for what the kernel does wrong
  template <class Kernel>
  void launch(LaunchShape const& shape, Kernel const& kernel) {
    // As CUDA passes it: by value, and not too large.
    static_assert(std::is_trivially_copy_constructible_v<Kernel> &&
                  std::is_trivially_destructible_v<Kernel> && sizeof(Kernel) <= 4096);
    if (FencedRecording* const recording = current_recording()) {
      return recording->add([device = fenced_, shape, kernel](BlockRun& run) {
        OpenedMemory const opened{*device};
        run.run_grid(Erased<Kernel>{kernel}, shape);
      });
    }
    run_.run_grid(Erased<Kernel>{kernel}, shape);
    ++num_launches_;
    if (log_ != nullptr) {
      log_->push_back({Kernel::name, shape});
    }
  }

  /// A copy of host memory that kernels of this operation can read: a mirror's, or its own.
  template <class T>
  [[nodiscard]] GlobalSpan<T const> upload(std::span<T const> values) {
    if (fenced_ != nullptr) {
      if (void const* const mirror = fenced_->checked_mirror(std::as_bytes(values))) {
        return {static_cast<T const*>(mirror), std::ssize(values)};
      }
    }
    auto* const copy = reinterpret_cast<T*>(take(values.size_bytes()));
    if (!values.empty()) {
      std::memcpy(copy, values.data(), values.size_bytes());
    }
    return {copy, std::ssize(values)};
  }

  /// Memory of this operation, with NaN in it.
  template <class T>
  [[nodiscard]] GlobalSpan<T> scratch(std::int64_t size) {
    return {reinterpret_cast<T*>(take(static_cast<std::size_t>(size) * sizeof(T))), size};
  }

  /// Results that the host reads.
  template <class T>
  void download(GlobalSpan<T> from, std::span<T> host) {
    if (fenced_ != nullptr) {
      fenced_->refuse_while_recording("download");
    }
    ++num_downloads_;
    if (!host.empty()) {
      std::memcpy(host.data(), from.data, host.size_bytes());
    }
  }

  /// What an operation took is no longer used, but by what was recorded.
  void end_operation() {
    if (FencedRecording* const recording = current_recording()) {
      for (auto& memory : taken_) {
        recording->keep(std::move(memory));
      }
    }
    taken_.clear();
    if (fenced_ != nullptr) {
      fenced_->close();
      fenced_ = nullptr;
    }
  }

  /// What a block may have of shared memory: that of compute capability 9.0, if nobody sets less.
  [[nodiscard]] std::int64_t most_shared_bytes() const noexcept { return most_shared_bytes_; }

  void set_most_shared_bytes(std::int64_t bytes) noexcept { most_shared_bytes_ = bytes; }

  [[nodiscard]] std::int64_t num_launches() const noexcept { return num_launches_; }

  [[nodiscard]] std::int64_t num_downloads() const noexcept { return num_downloads_; }

  /// Launches from now on are written to `log`; null: to none.
  void log_launches(std::vector<LaunchRecord>* log) noexcept { log_ = log; }

 private:
  template <class Kernel>
  class Erased final : public AnyKernel {
   public:
    explicit Erased(Kernel const& kernel) : kernel_{kernel} {}

    void run(EmulatedBlock& block) const override { kernel_(block); }

    [[nodiscard]] char const* name() const noexcept override { return Kernel::name; }

    [[nodiscard]] bool meets_peers() const noexcept override {
      return requires { Kernel::meets_peers; };
    }

   private:
    Kernel const& kernel_;
  };

  [[nodiscard]] FencedRecording* current_recording() const noexcept {
    return fenced_ == nullptr ? nullptr : fenced_->recording();
  }

  /// Memory of its own for each, so that a sanitizer sees its ends.
  [[nodiscard]] std::byte* take(std::size_t bytes) {
    taken_.push_back(std::make_unique<std::byte[]>(bytes));
    std::memset(taken_.back().get(), 0xFF, bytes);
    return taken_.back().get();
  }

  BlockRun run_;
  FencedDevice* fenced_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> taken_;
  std::int64_t most_shared_bytes_ = 227 << 10;
  std::int64_t num_launches_ = 0;
  std::int64_t num_downloads_ = 0;
  std::vector<LaunchRecord>* log_ = nullptr;
};

}  // namespace talus::kernels::block::emulation
