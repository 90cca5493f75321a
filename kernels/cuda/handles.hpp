// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

#include "runtime/base/unique_handle.hpp"

namespace talus::kernels::cuda {

struct StreamTraits {
  using native_type = cudaStream_t;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type stream) noexcept { static_cast<void>(cudaStreamDestroy(stream)); }
};

struct EventTraits {
  using native_type = cudaEvent_t;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type event) noexcept { static_cast<void>(cudaEventDestroy(event)); }
};

struct CapturedGraphTraits {
  using native_type = cudaGraph_t;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type graph) noexcept { static_cast<void>(cudaGraphDestroy(graph)); }
};

struct GraphExecTraits {
  using native_type = cudaGraphExec_t;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type graph) noexcept {
    static_cast<void>(cudaGraphExecDestroy(graph));
  }
};

struct DeviceMemoryTraits {
  using native_type = void*;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type memory) noexcept { static_cast<void>(cudaFree(memory)); }
};

struct PinnedMemoryTraits {
  using native_type = void*;

  static native_type null() noexcept { return nullptr; }

  static void destroy(native_type memory) noexcept { static_cast<void>(cudaFreeHost(memory)); }
};

using Stream = UniqueHandle<StreamTraits>;
using Event = UniqueHandle<EventTraits>;
using CapturedGraph = UniqueHandle<CapturedGraphTraits>;
using GraphExec = UniqueHandle<GraphExecTraits>;
using DeviceMemory = UniqueHandle<DeviceMemoryTraits>;
using PinnedMemory = UniqueHandle<PinnedMemoryTraits>;

}  // namespace talus::kernels::cuda
