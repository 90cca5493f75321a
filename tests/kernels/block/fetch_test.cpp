// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/buffer.hpp"
#include "kernels/device_fetch.hpp"
#include "kernels/device_recording.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/mirror.hpp"
#include "kernels/sampling.hpp"
#include "kernels/transfer.hpp"

#include "tests/kernels/block/block_support.hpp"

// What crosses between a device and the host while neither waits for the other: copies that are
// waited for later, and arrays of the host that operations fill on the device.

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels;                    // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

std::vector<std::int32_t> words_of(std::span<std::byte const> bytes) {
  std::vector<std::int32_t> words(bytes.size() / sizeof(std::int32_t));
  std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span{words}).begin());
  return words;
}

}  // namespace

TEST_CASE("a fetch brings what was queued before it, whatever is queued behind") {
  FencedDevice device{1 << 20};
  ExecContext const exec{.backend = Backend::cuda, .device = &device};
  Buffer<std::int32_t> array{exec, 4};
  std::vector<std::int32_t> const first{1, 2, 3, 4};
  std::vector<std::int32_t> const second{5, 6, 7, 8};
  auto const fetch = device.make_fetch(16);

  upload<std::int32_t>(exec, first, array.data());
  fetch->start(array.data(), 16);
  upload<std::int32_t>(exec, second, array.data());
  CHECK(words_of(fetch->wait()) == first);

  fetch->start(array.data(), 8);
  CHECK(words_of(fetch->wait()) == std::vector<std::int32_t>{5, 6});
}

TEST_CASE("a fetch that is too long, or asked for while work is recorded, is refused") {
  FencedDevice device{1 << 20};
  ExecContext const exec{.backend = Backend::cuda, .device = &device};
  Buffer<std::int32_t> const array{exec, 4};
  auto const fetch = device.make_fetch(12);
  CHECK_THROWS_WITH(fetch->start(array.data(), 16), ContainsSubstring("16 bytes (made for 12)"));

  RecordingScope const scope{device};
  CHECK_THROWS_WITH(fetch->start(array.data(), 12), ContainsSubstring("while work is recorded"));
}

TEST_CASE(
    "what operations write to a mirror is what later ones read, until it is published again") {
  FencedDevice device{1 << 20};
  ExecContext const exec{.backend = Backend::cuda, .device = &device};
  std::vector<std::int32_t> ids{0, 2, 0};
  Mirror mirror;
  mirror.publish<std::int32_t>(exec, ids);
  std::vector<std::int32_t> const tokens{1, 3};
  Buffer<std::int32_t> drawn{exec, 2};
  upload<std::int32_t>(exec, tokens, drawn.data());
  Buffer<float> table{exec, 4};
  std::vector<float> const rows{0.0F, 10.0F, 20.0F, 30.0F};
  upload<float>(exec, rows, table.data());
  Buffer<float> y{exec, 3};
  auto const gathered = [&] {
    select_rows(exec, {table.data(), 4, 1, 1}, ids, {y.data(), 3, 1, 1});
    std::vector<float> values(3);
    download<float>(exec, y.data(), values);
    return values;
  };

  take_drawn(exec, std::vector{1, -1, 0}, drawn.span(), mirror.open<std::int32_t>(exec, ids));
  CHECK(gathered() == std::vector{30.0F, 20.0F, 10.0F});

  ids = {3, 3, 3};
  mirror.publish<std::int32_t>(exec, ids);
  CHECK(gathered() == std::vector{30.0F, 30.0F, 30.0F});

  ids = {0, 0, 0};  // not published
  CHECK_THROWS_WITH(gathered(), ContainsSubstring("changed since it was published"));
}
