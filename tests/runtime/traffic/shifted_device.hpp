// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "kernels/buffer.hpp"
#include "kernels/device.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {

/// A device whose memory is the host's under other addresses, which nothing may use: whoever
/// touches them as if they were the host's ends the test.
class ShiftedDevice : public Device {
 public:
  /// \param shift  from the addresses that memory really has; 0: operations of the host can use it
  explicit ShiftedDevice(std::uintptr_t shift = nowhere) : shift_{shift} {}

  [[nodiscard]] void* allocate(std::int64_t bytes) override {
    auto const size = static_cast<std::size_t>(bytes) + 256;
    // What nobody wrote must not look like a result.
    auto memory = std::make_unique<std::vector<std::byte>>(size, std::byte{0xff});
    auto const first =
        (reinterpret_cast<std::uintptr_t>(memory->data()) + 255) & ~std::uintptr_t{255};
    blocks_.emplace(first, std::move(memory));
    return reinterpret_cast<void*>(first + shift_);
  }

  void release(void* memory) noexcept override {
    blocks_.erase(reinterpret_cast<std::uintptr_t>(memory) - shift_);
  }

  void upload(void const* host, void* to, std::int64_t bytes) override {
    ++num_uploads_;
    std::memcpy(on_host(to), host, static_cast<std::size_t>(bytes));
  }

  void download(void const* from, void* host, std::int64_t bytes) override {
    ++num_downloads_;
    std::memcpy(host, on_host(from), static_cast<std::size_t>(bytes));
  }

  [[nodiscard]] std::unique_ptr<DeviceFetch> make_fetch(std::int64_t /*bytes*/) override {
    return nullptr;  // what crosses here are activations
  }

  void copy(void const* from, void* to, std::int64_t bytes) override {
    std::memcpy(on_host(to), on_host(from), static_cast<std::size_t>(bytes));
  }

  void clear(void* memory, std::int64_t bytes) override {
    std::memset(on_host(memory), 0, static_cast<std::size_t>(bytes));
  }

  void synchronize() override {}

  [[nodiscard]] std::int64_t free_bytes() const override { return std::int64_t{1} << 40; }

  /// Where a byte of its memory really is.
  [[nodiscard]] void* on_host(void const* memory) const {
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(memory) - shift_);
  }

  [[nodiscard]] int num_uploads() const { return num_uploads_; }

  [[nodiscard]] int num_downloads() const { return num_downloads_; }

  int num_peer_sums = 0;  ///< counted by who does them

  /// Where no process has memory.
  static constexpr std::uintptr_t nowhere = std::uintptr_t{1} << 60;

 private:
  std::uintptr_t shift_;
  std::map<std::uintptr_t, std::unique_ptr<std::vector<std::byte>>> blocks_;
  int num_uploads_ = 0;
  int num_downloads_ = 0;
};

/// A context's array with the values of a vector.
class ContextArray {
 public:
  ContextArray(ExecContext const& exec, std::vector<float> const& values)
      : exec_{exec}, buffer_{exec, static_cast<std::int64_t>(values.size())} {
    upload(exec_, std::span{values}, buffer_.data());
  }

  [[nodiscard]] std::span<float> span() { return buffer_.span(); }

  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> host(static_cast<std::size_t>(buffer_.size()));
    download(exec_, buffer_.data(), std::span{host});
    return host;
  }

 private:
  ExecContext exec_;
  Buffer<float> buffer_;
};

}  // namespace talus::kernels
