// SPDX-License-Identifier: Apache-2.0
#include "kernels/mirror.hpp"

#include <algorithm>

#include "kernels/device.hpp"

namespace talus::kernels {

void MirrorEntryTraits::destroy(MirrorEntry entry) noexcept {
  entry.device->remove_mirror(entry.host);
}

void* Mirror::open_bytes(ExecContext const& exec, void const* host) {
  return exec.device->open_mirror(host);
}

void Mirror::publish_bytes(ExecContext const& exec, std::span<std::byte const> host) {
  Device& device = *exec.device;
  auto const bytes = static_cast<std::int64_t>(host.size());
  bool const has_grown = bytes > copy_.size();
  if (has_grown || entry_.get() != MirrorEntry{&device, host.data()}) {
    entry_.reset();
    if (has_grown) {
      // An array that has grown once goes on growing: its place is to move a few times only.
      copy_ = Buffer<std::byte>{exec, std::max(bytes, 2 * copy_.size())};
    }
    entry_.reset({&device, host.data()});
  }
  device.add_mirror(host.data(), copy_.data(), bytes);
  device.upload(host.data(), copy_.data(), bytes);
}

}  // namespace talus::kernels
