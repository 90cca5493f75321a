// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/cuda/check.hpp"
#include "kernels/cuda/device.hpp"
#include "kernels/cuda/device_block.cuh"

namespace talus::kernels::cuda {

/// Runs a kernel body of kernels/block.
template <class Kernel>
__global__ void run_kernel(__grid_constant__ Kernel const kernel) {
  DeviceBlock block;
  kernel(block);
}

/// The same, of a body that says by `least_blocks` how many of its blocks a multiprocessor is to
/// have registers for at a time.
template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads, Kernel::least_blocks)
    run_bounded_kernel(__grid_constant__ Kernel const kernel) {
  DeviceBlock block;
  kernel(block);
}

/// The device that the launches of kernels/block want, for the time of one operation.
///
/// Returns when work is queued, but where results are downloaded.
class Launcher {
 public:
  explicit Launcher(Device& device) : device_{device} {}

  ~Launcher() { device_.end_operation(); }

  Launcher(Launcher const&) = delete;
  Launcher& operator=(Launcher const&) = delete;

  Launcher& operator*() noexcept { return *this; }

  /// What multiplies in place of our kernels; null: nothing.
  [[nodiscard]] LibraryProducts* products() const noexcept { return device_.products(); }

  /// Has the library multiply, behind what was launched before.
  template <class Product>
  void multiply(LibraryProducts& library, Product const& product) {
    library.multiply(product);
  }

  template <class Kernel>
  void launch(block::LaunchShape const& shape, Kernel const& kernel) {
    auto const* const run = reinterpret_cast<void const*>(function_of<Kernel>());
    if (shape.shared_bytes > default_shared_bytes) {
      allow_shared(run, shape.shared_bytes, Kernel::name);
    }
    dim3 const grid{static_cast<unsigned>(shape.grid.x),
                    static_cast<unsigned>(shape.grid.y),
                    static_cast<unsigned>(shape.grid.z)};
    dim3 const threads{static_cast<unsigned>(shape.threads)};
    void* arguments[] = {const_cast<Kernel*>(&kernel)};
    // Tells its own error, whatever other calls have left behind.
    check(cudaLaunchKernel(run,
                           grid,
                           threads,
                           arguments,
                           static_cast<std::size_t>(shape.shared_bytes),
                           device_.stream()),
          Kernel::name);
  }

  /// What a block may have of shared memory.
  [[nodiscard]] std::int64_t most_shared_bytes() const noexcept {
    return device_.most_shared_bytes();
  }

  template <class T>
  [[nodiscard]] block::GlobalSpan<T const> upload(std::span<T const> values) {
    auto const bytes = static_cast<std::int64_t>(values.size_bytes());
    return {static_cast<T const*>(device_.stage(values.data(), bytes)),
            static_cast<std::int64_t>(values.size())};
  }

  /// Results that the host reads: waits for them.
  template <class T>
  void download(block::GlobalSpan<T> from, std::span<T> host) {
    device_.download(from.data, host.data(), static_cast<std::int64_t>(host.size_bytes()));
  }

  template <class T>
  [[nodiscard]] block::GlobalSpan<T> scratch(std::int64_t size) {
    auto const bytes = size * static_cast<std::int64_t>(sizeof(T));
    return {static_cast<T*>(device_.scratch(bytes)), size};
  }

 private:
  template <class Kernel>
  [[nodiscard]] static constexpr void (*function_of())(Kernel const) {
    if constexpr (requires { Kernel::least_blocks; }) {
      return run_bounded_kernel<Kernel>;
    } else {
      return run_kernel<Kernel>;
    }
  }

  /// Allows launches of a kernel what the device has, whatever this one wants: what a recorded one
  /// was allowed isn't lowered. Where a driver counts more against that, what this one wants.
  void allow_shared(void const* kernel, std::int64_t bytes, char const* name) const {
    auto const allow = [kernel](std::int64_t most) {
      return cudaFuncSetAttribute(
          kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most));
    };
    if (allow(most_shared_bytes()) != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      check(allow(bytes), name);
    }
  }

  /// What a block may have of shared memory unless it is asked for more.
  static constexpr std::int64_t default_shared_bytes = 48 << 10;

  Device& device_;
};

}  // namespace talus::kernels::cuda
