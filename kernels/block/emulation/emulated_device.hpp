// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/emulation/block_run.hpp"
#include "kernels/block/emulation/emulated_block.hpp"

namespace talus::kernels::block::emulation {

/// A GPU that is none: launches return when the kernel is done, and its memory is the host's.
class EmulatedDevice {
 public:
  explicit EmulatedDevice(Schedule schedule = {}) : run_{schedule} {}

  /// \throws KernelFault  for what the kernel does wrong
  template <class Kernel>
  void launch(LaunchShape const& shape, Kernel const& kernel) {
    // As CUDA passes it: by value, and not too large.
    static_assert(std::is_trivially_copy_constructible_v<Kernel> &&
                  std::is_trivially_destructible_v<Kernel> && sizeof(Kernel) <= 4096);
    run_.run_grid(Erased<Kernel>{kernel}, shape);
    ++num_launches_;
  }

  /// A copy of host memory that kernels of this operation can read.
  template <class T>
  [[nodiscard]] GlobalSpan<T const> upload(std::span<T const> values) {
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

  /// What an operation took is no longer used.
  void end_operation() { taken_.clear(); }

  [[nodiscard]] std::int64_t num_launches() const noexcept { return num_launches_; }

 private:
  template <class Kernel>
  class Erased final : public AnyKernel {
   public:
    explicit Erased(Kernel const& kernel) : kernel_{kernel} {}

    void run(EmulatedBlock& block) const override { kernel_(block); }

    [[nodiscard]] char const* name() const noexcept override { return Kernel::name; }

   private:
    Kernel const& kernel_;
  };

  /// Memory of its own for each, so that a sanitizer sees its ends.
  [[nodiscard]] std::byte* take(std::size_t bytes) {
    taken_.push_back(std::make_unique<std::byte[]>(bytes));
    std::memset(taken_.back().get(), 0xFF, bytes);
    return taken_.back().get();
  }

  BlockRun run_;
  std::vector<std::unique_ptr<std::byte[]>> taken_;
  std::int64_t num_launches_ = 0;
};

}  // namespace talus::kernels::block::emulation
