// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "kernels/buffer.hpp"
#include "kernels/exec_context.hpp"
#include "runtime/base/unique_handle.hpp"

namespace talus::kernels {

/// That a device knows of a mirror.
struct MirrorEntry {
  Device* device = nullptr;
  void const* host = nullptr;

  friend bool operator==(MirrorEntry const&, MirrorEntry const&) = default;
};

/// How UniqueHandle makes a device forget a mirror.
struct MirrorEntryTraits {
  using native_type = MirrorEntry;

  static MirrorEntry null() noexcept { return {}; }

  static void destroy(MirrorEntry entry) noexcept;
};

/// Keeps a small array of the host's on the context's device too: operations that are given the
/// array, or a part of it, read what was published last. Nothing at all where memory is shared.
///
/// For what the host fills and operations read many times: norms, rotations, a step's positions.
class Mirror {
 public:
  /// Copies the array as it is now. When it has moved or grown, its place on the device does too.
  ///
  /// \param host  stays where it is as long as operations are given it
  /// \throws OutOfMemory  of the device
  template <class T>
  void publish(ExecContext const& exec, std::span<T const> host) {
    if (exec.device != nullptr && !host.empty()) {
      publish_bytes(exec, std::as_bytes(host));
    }
  }

  /// The array as operations find it, for one that writes to it: until it is published again, it is
  /// what that wrote. The host's array itself where memory is shared.
  ///
  /// \pre published, where it isn't empty
  template <class T>
  [[nodiscard]] std::span<T> open(ExecContext const& exec, std::span<T> host) {
    if (exec.device == nullptr || host.empty()) {
      return host;
    }
    return {static_cast<T*>(open_bytes(exec, host.data())), host.size()};
  }

 private:
  static void* open_bytes(ExecContext const& exec, void const* host);
  void publish_bytes(ExecContext const& exec, std::span<std::byte const> host);

  Buffer<std::byte> copy_;
  UniqueHandle<MirrorEntryTraits> entry_;
};

}  // namespace talus::kernels
