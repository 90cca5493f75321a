// SPDX-License-Identifier: Apache-2.0
#include "kernels/device.hpp"

#include <iterator>

#include "kernels/device_recording.hpp"
#include "runtime/base/assert.hpp"

namespace talus::kernels {

void Device::add_mirror(void const* host, void* device, std::int64_t bytes) {
  mirrors_[static_cast<std::byte const*>(host)] = {
      .device = static_cast<std::byte*>(device), .bytes = bytes, .is_open = false};
}

void Device::remove_mirror(void const* host) noexcept {
  mirrors_.erase(static_cast<std::byte const*>(host));
}

Device::Mirrors::const_iterator Device::mirror_with(void const* host,
                                                    std::int64_t bytes) const noexcept {
  auto const* const first = static_cast<std::byte const*>(host);
  auto const after = mirrors_.upper_bound(first);
  if (after == mirrors_.begin()) {
    return mirrors_.end();
  }
  auto const place = std::prev(after);
  return first - place->first + bytes <= place->second.bytes ? place : mirrors_.end();
}

void* Device::find_mirror(void const* host, std::int64_t bytes) const noexcept {
  auto const place = mirror_with(host, bytes);
  return place == mirrors_.end()
             ? nullptr
             : place->second.device + (static_cast<std::byte const*>(host) - place->first);
}

void* Device::open_mirror(void const* host) {
  auto const place = mirrors_.find(static_cast<std::byte const*>(host));
  TALUS_EXPECT(place != mirrors_.end());
  place->second.is_open = true;
  return place->second.device;
}

bool Device::is_mirror_open(void const* host) const noexcept {
  auto const place = mirror_with(host, 0);
  return place != mirrors_.end() && place->second.is_open;
}

void Device::begin_recording() {
  TALUS_EXPECT(can_record());
}

std::unique_ptr<DeviceRecording> Device::end_recording() {
  TALUS_EXPECT(can_record());
  return nullptr;
}

}  // namespace talus::kernels
