// SPDX-License-Identifier: Apache-2.0
#include "kernels/device.hpp"

#include <iterator>

#include "kernels/device_recording.hpp"
#include "runtime/base/assert.hpp"

namespace talus::kernels {

void Device::add_mirror(void const* host, void* device, std::int64_t bytes) {
  mirrors_[static_cast<std::byte const*>(host)] = {static_cast<std::byte*>(device), bytes};
}

void Device::remove_mirror(void const* host) noexcept {
  mirrors_.erase(static_cast<std::byte const*>(host));
}

void* Device::find_mirror(void const* host, std::int64_t bytes) const noexcept {
  auto const* const first = static_cast<std::byte const*>(host);
  auto const after = mirrors_.upper_bound(first);
  if (after == mirrors_.begin()) {
    return nullptr;
  }
  auto const& [begin, mirror] = *std::prev(after);
  std::int64_t const offset = first - begin;
  return offset + bytes <= mirror.bytes ? mirror.device + offset : nullptr;
}

void Device::begin_recording() {
  TALUS_EXPECT(can_record());
}

std::unique_ptr<DeviceRecording> Device::end_recording() {
  TALUS_EXPECT(can_record());
  return nullptr;
}

}  // namespace talus::kernels
