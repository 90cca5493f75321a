// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "kernels/cuda/library_products.hpp"
#include "kernels/cuda/memory_pool.hpp"
#include "kernels/device.hpp"
#include "kernels/device_recording.hpp"
#include "runtime/base/unique_handle.hpp"

namespace talus::kernels::block::emulation {

class FencedRecording;

/// Pages of this process.
struct Pages {
  std::byte* first = nullptr;
  std::size_t bytes = 0;

  friend bool operator==(Pages const&, Pages const&) = default;
};

struct PagesTraits {
  using native_type = Pages;

  static Pages null() noexcept { return {}; }

  static void destroy(Pages pages) noexcept;
};

/// A device's memory on the host, which can't be touched but by the device's operations: whoever
/// reads or writes it otherwise gets a segmentation fault, as it would be on a GPU. New memory is
/// filled with NaN.
///
/// It records launches and copies, to run them again whatever the host has done in between.
class FencedDevice final : public Device {
 public:
  /// \throws SystemError  if the system doesn't give the pages
  explicit FencedDevice(std::int64_t bytes);
  ~FencedDevice() override;
  FencedDevice(FencedDevice const&) = delete;
  FencedDevice& operator=(FencedDevice const&) = delete;

  [[nodiscard]] void* allocate(std::int64_t bytes) override;
  void release(void* memory) noexcept override;
  void upload(void const* host, void* to, std::int64_t bytes) override;
  void download(void const* from, void* host, std::int64_t bytes) override;
  [[nodiscard]] std::unique_ptr<DeviceFetch> make_fetch(std::int64_t bytes) override;
  [[nodiscard]] std::unique_ptr<DeviceTimer> make_timer() override;
  void copy(void const* from, void* to, std::int64_t bytes) override;
  void clear(void* memory, std::int64_t bytes) override;

  void synchronize() override;

  [[nodiscard]] bool can_record() const noexcept override { return true; }

  void begin_recording() override;
  [[nodiscard]] std::unique_ptr<DeviceRecording> end_recording() override;

  void cancel_recording() noexcept override;

  /// What is being recorded; null: nothing.
  [[nodiscard]] FencedRecording* recording() const noexcept { return recording_.get(); }

  /// \throws ConfigError  naming what is asked for while work is recorded
  void refuse_while_recording(char const* what) const;

  [[nodiscard]] DeviceLinks* links() override { return links_; }

  /// From now on the device says it can be joined to others so. `links` outlives it.
  void set_links(DeviceLinks* links) noexcept { links_ = links; }

  [[nodiscard]] std::int64_t free_bytes() const override { return pool_.size() - pool_.used(); }

  /// From now on products are a library's, which reads and writes the host's memory. The function
  /// is what multiplies with a bias.
  void set_products(std::unique_ptr<cuda::LibraryProducts> products, BiasedMatmul biased) noexcept {
    products_ = std::move(products);
    biased_matmul_ = biased;
  }

  [[nodiscard]] bool multiplies_code_rows(std::int64_t out,
                                          std::int64_t in,
                                          QuantStorage const& storage) override {
    return products_ != nullptr && products_->takes_codes(out, in, storage);
  }

  [[nodiscard]] cuda::LibraryProducts* products() const noexcept { return products_.get(); }

  [[nodiscard]] BiasedMatmul biased_matmul() const override { return biased_matmul_; }

  /// Calls of download() that there were, and of a fetch's wait().
  [[nodiscard]] std::int64_t num_downloads() const noexcept { return num_downloads_; }

  /// Lets its memory be touched until close(); not nested.
  void open();
  void close() noexcept;

  /// The mirror of a part of an array, if there is one.
  ///
  /// \pre open
  /// \throws ConfigError  if the host's array was changed since it was published, and the mirror
  ///                      was not opened
  [[nodiscard]] void const* checked_mirror(std::span<std::byte const> host) const;

  [[nodiscard]] cuda::MemoryPool const& pool() const noexcept { return pool_; }

 private:
  class Fetch;
  class Timer;

  void move_bytes(void const* from, void* to, std::int64_t bytes);

  UniqueHandle<PagesTraits> pages_;
  cuda::MemoryPool pool_;
  DeviceLinks* links_ = nullptr;
  std::unique_ptr<FencedRecording> recording_;
  std::unique_ptr<cuda::LibraryProducts> products_;
  BiasedMatmul biased_matmul_ = nullptr;
  std::int64_t num_downloads_ = 0;
};

/// The device's memory can be touched for a scope.
class OpenedMemory {
 public:
  explicit OpenedMemory(FencedDevice& device) : device_{device} { device.open(); }

  ~OpenedMemory() { device_.close(); }

  OpenedMemory(OpenedMemory const&) = delete;
  OpenedMemory& operator=(OpenedMemory const&) = delete;

 private:
  FencedDevice& device_;
};

}  // namespace talus::kernels::block::emulation
