// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/fenced_device.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "kernels/block/emulation/fenced_recording.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::block::emulation {
namespace {

Pages map_pages(std::int64_t bytes) {
  auto const size = static_cast<std::size_t>(bytes);
  void* const first =
      mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (first == MAP_FAILED) {
    throw OutOfMemory{concat("fenced memory: ", bytes, " bytes: ", std::strerror(errno))};
  }
  return {static_cast<std::byte*>(first), size};
}

}  // namespace

void PagesTraits::destroy(Pages pages) noexcept {
  static_cast<void>(munmap(pages.first, pages.bytes));
}

FencedDevice::FencedDevice(std::int64_t bytes) : pages_{map_pages(bytes)}, pool_{bytes} {}

FencedDevice::~FencedDevice() = default;

void FencedDevice::open() {
  if (mprotect(pages_.get().first, pages_.get().bytes, PROT_READ | PROT_WRITE) != 0) {
    throw ApiError{"mprotect of fenced memory", errno, SourceLocation::current()};
  }
}

void FencedDevice::close() noexcept {
  static_cast<void>(mprotect(pages_.get().first, pages_.get().bytes, PROT_NONE));
}

void* FencedDevice::allocate(std::int64_t bytes) {
  refuse_while_recording("allocate");
  count_memory_change();
  auto const offset = pool_.take(bytes);
  if (!offset) {
    throw OutOfMemory{concat("fenced memory: ",
                             bytes,
                             " bytes (of ",
                             pool_.size(),
                             ", at most ",
                             pool_.largest_free(),
                             " are free in one piece)")};
  }
  OpenedMemory const opened{*this};
  std::byte* const memory = pages_.get().first + *offset;
  std::memset(memory, 0xFF, static_cast<std::size_t>(bytes));
  return memory;
}

void FencedDevice::release(void* memory) noexcept {
  count_memory_change();
  pool_.give_back(static_cast<std::byte*>(memory) - pages_.get().first);
}

void FencedDevice::move_bytes(void const* from, void* to, std::int64_t bytes) {
  OpenedMemory const opened{*this};
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void FencedDevice::upload(void const* host, void* to, std::int64_t bytes) {
  refuse_while_recording("upload");
  move_bytes(host, to, bytes);
}

void FencedDevice::download(void const* from, void* host, std::int64_t bytes) {
  refuse_while_recording("download");
  DeviceWaitScope const waiting{waits(), Waited::for_all};
  ++num_downloads_;
  move_bytes(from, host, bytes);
}

/// Copies at once, as a queue would behind what was done before, and shows nothing of it earlier
/// than it is waited for.
class FencedDevice::Fetch final : public DeviceFetch {
 public:
  Fetch(FencedDevice& device, std::int64_t bytes)
      : device_{device}, memory_(static_cast<std::size_t>(bytes)) {}

  void start(void const* from, std::int64_t bytes) override {
    device_.refuse_while_recording("fetch");
    if (bytes > std::ssize(memory_)) {
      throw ConfigError{concat("fetch: ", bytes, " bytes (made for ", memory_.size(), ")")};
    }
    size_ = static_cast<std::size_t>(bytes);
    device_.move_bytes(from, memory_.data(), bytes);
  }

  std::span<std::byte const> wait() override {
    DeviceWaitScope const waiting{device_.waits(), Waited::for_some};
    ++device_.num_downloads_;
    return std::span{memory_}.first(size_);
  }

 private:
  FencedDevice& device_;
  std::vector<std::byte> memory_;
  std::size_t size_ = 0;
};

std::unique_ptr<DeviceFetch> FencedDevice::make_fetch(std::int64_t bytes) {
  return std::make_unique<Fetch>(*this, bytes);
}

/// By the host's clock: what is queued is done at once.
class FencedDevice::Timer final : public DeviceTimer {
 public:
  explicit Timer(FencedDevice& device) : device_{device} {}

  void begin() override {
    device_.refuse_while_recording("begin of a span");
    begun_ = Clock::now();
    times_.idle += ended_ ? seconds(*begun_ - *ended_) : 0.0;
  }

  void end() override {
    device_.refuse_while_recording("end of a span");
    ended_ = Clock::now();
    times_.busy += seconds(*ended_ - begun_.value());
  }

  DeviceTimes take() override { return std::exchange(times_, {}); }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds(Clock::duration time) {
    return std::chrono::duration<double>{time}.count();
  }

  FencedDevice& device_;
  DeviceTimes times_;
  std::optional<Clock::time_point> begun_;
  std::optional<Clock::time_point> ended_;
};

std::unique_ptr<DeviceTimer> FencedDevice::make_timer() {
  return std::make_unique<Timer>(*this);
}

void FencedDevice::copy(void const* from, void* to, std::int64_t bytes) {
  if (recording_) {
    return recording_->add([=, this](BlockRun&) { move_bytes(from, to, bytes); });
  }
  move_bytes(from, to, bytes);
}

void FencedDevice::clear(void* memory, std::int64_t bytes) {
  auto const fill = [=, this] {
    OpenedMemory const opened{*this};
    std::memset(memory, 0, static_cast<std::size_t>(bytes));
  };
  if (recording_) {
    return recording_->add([fill](BlockRun&) { fill(); });
  }
  fill();
}

void FencedDevice::synchronize() {
  refuse_while_recording("synchronize");
  DeviceWaitScope const waiting{waits(), Waited::for_all};
}

void FencedDevice::begin_recording() {
  refuse_while_recording("begin_recording");
  recording_ = std::make_unique<FencedRecording>();
}

std::unique_ptr<DeviceRecording> FencedDevice::end_recording() {
  return std::move(recording_);
}

void FencedDevice::cancel_recording() noexcept {
  recording_.reset();
}

void FencedDevice::refuse_while_recording(char const* what) const {
  if (recording_) {
    throw ConfigError{concat("fenced device: ", what, " while work is recorded")};
  }
}

void const* FencedDevice::checked_mirror(std::span<std::byte const> host) const {
  void const* const mirror = find_mirror(host.data(), static_cast<std::int64_t>(host.size()));
  if (mirror != nullptr && !is_mirror_open(host.data()) &&
      std::memcmp(mirror, host.data(), host.size()) != 0) {
    throw ConfigError{concat("mirror of ", host.size(), " bytes (changed since it was published)")};
  }
  return mirror;
}

}  // namespace talus::kernels::block::emulation
