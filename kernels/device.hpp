// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>

#include "kernels/device_fetch.hpp"
#include "kernels/device_timer.hpp"
#include "kernels/device_waits.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/matmul_library.hpp"
#include "kernels/memory_owner.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

class DeviceLinks;
class DeviceRecording;
class PackedWeights;
struct QuantStorage;

/// As matmul and add_bias after it, for arguments that are checked: weights of bfloat16, none of
/// the shapes empty.
using BiasedMatmul = void (*)(ExecContext const& exec,
                              MatrixView<float const> x,
                              PackedWeights const& w,
                              std::span<float const> bias,
                              MatrixView<float> y);

/// A device whose memory is its own: what the host can't read or write.
///
/// All that it is asked to do goes into one queue, in the order of the calls; only download(),
/// synchronize() and a DeviceFetch wait. For one thread.
class Device : public MemoryOwner {
 public:
  /// `bytes` > 0 bytes of its memory, 256-byte aligned, uninitialised.
  ///
  /// \throws OutOfMemory  naming what there is
  [[nodiscard]] virtual void* allocate(std::int64_t bytes) = 0;

  /// Gives back what allocate() gave: queued work may still use it, later work comes after that.
  void release(void* memory) noexcept override = 0;

  /// Host memory to the device's. What is copied may change at once.
  virtual void upload(void const* host, void* to, std::int64_t bytes) = 0;

  /// To the host, when all that was queued is done; returns when it is there.
  virtual void download(void const* from, void* host, std::int64_t bytes) = 0;

  /// Memory of the host for copies of up to `bytes` bytes that are waited for later.
  ///
  /// \throws ApiError  if the host has no such memory
  [[nodiscard]] virtual std::unique_ptr<DeviceFetch> make_fetch(std::int64_t bytes) = 0;

  /// What takes the times of its work; null: it keeps none.
  ///
  /// \throws ApiError  of the device's library
  [[nodiscard]] virtual std::unique_ptr<DeviceTimer> make_timer() { return nullptr; }

  /// From one place on the device to another one; they don't overlap.
  virtual void copy(void const* from, void* to, std::int64_t bytes) = 0;

  /// Sets bytes to zero.
  virtual void clear(void* memory, std::int64_t bytes) = 0;

  /// Returns when all that was queued is done.
  virtual void synchronize() = 0;

  /// Bytes that allocate() could still give, in all.
  [[nodiscard]] virtual std::int64_t free_bytes() const = 0;

  /// Calls of allocate() and release() so far. A loop in which it stays the same allocates nothing,
  /// and what was recorded before finds its memory as it was.
  [[nodiscard]] std::int64_t num_memory_changes() const noexcept { return num_memory_changes_; }

  /// How it joins devices of other processes; null: it can't.
  [[nodiscard]] virtual DeviceLinks* links() { return nullptr; }

  /// Whether it can record what it is asked for (kernels/device_recording.hpp, whose scope calls
  /// what follows).
  [[nodiscard]] virtual bool can_record() const noexcept { return false; }

  /// What it is asked for from now on will be recorded the next time: it sees how much memory that
  /// takes.
  virtual void prepare_recording() {}

  /// What is queued from now on is recorded and not done. Until the recording ends, whatever needs
  /// the host at that moment is an error: allocations, uploads and downloads, waiting. (Operations
  /// find mirrors and, of other arrays, a copy that the recording keeps.)
  virtual void begin_recording();

  [[nodiscard]] virtual std::unique_ptr<DeviceRecording> end_recording();

  virtual void cancel_recording() noexcept {}

  /// Where the device's matmuls are a library's that adds a bias at once; null: it has none.
  [[nodiscard]] virtual BiasedMatmul biased_matmul() const { return nullptr; }

  /// Whether the device's matmuls of such codes, which may be rows, are a library's that wants them
  /// so. Always the same of a device.
  [[nodiscard]] virtual bool multiplies_code_rows(std::int64_t /*out*/,
                                                  std::int64_t /*in*/,
                                                  QuantStorage const& /*storage*/) {
    return false;
  }

  /// Tells from now on who wants to know when the host waits; null: nobody does.
  void set_waits(DeviceWaits* waits) noexcept { waits_ = waits; }

  /// Tells that operations find the host's array at `device` from now on: `bytes` that the caller
  /// uploads there whenever they change. Operations that are given spans of the array then need not
  /// upload them, each for itself.
  void add_mirror(void const* host, void* device, std::int64_t bytes);

  /// \param host  as it was added
  void remove_mirror(void const* host) noexcept;

  /// Where a part of a mirrored array is on the device; null if it is part of none.
  [[nodiscard]] void* find_mirror(void const* host, std::int64_t bytes) const noexcept;

  /// A mirror that operations write to: until it is added again, it isn't the host's array.
  ///
  /// \param host  as it was added
  /// \return where it is on the device
  void* open_mirror(void const* host);

 protected:
  /// To be called by what implements allocate() and release().
  void count_memory_change() noexcept { ++num_memory_changes_; }

  /// Whether the mirror that an array of the host is part of was opened since it was added.
  [[nodiscard]] bool is_mirror_open(void const* host) const noexcept;

  /// Who is told of waits; null: nobody.
  [[nodiscard]] DeviceWaits* waits() const noexcept { return waits_; }

 private:
  struct Mirror {
    std::byte* device = nullptr;
    std::int64_t bytes = 0;
    bool is_open = false;
  };

  using Mirrors = std::map<std::byte const*, Mirror>;

  /// The mirror of which the `bytes` bytes are a part; the end if there is none.
  [[nodiscard]] Mirrors::const_iterator mirror_with(void const* host,
                                                    std::int64_t bytes) const noexcept;

  Mirrors mirrors_;  ///< by where they are on the host
  std::int64_t num_memory_changes_ = 0;
  DeviceWaits* waits_ = nullptr;
};

/// What of a device a rank takes.
struct DeviceOptions {
  int number = 0;               ///< of those that this process sees, counted round and round
  std::int64_t pool_bytes = 0;  ///< of its memory; 0: nine tenths of what is free
  std::int64_t staging_bytes = std::int64_t{8} << 20;  ///< for what goes to the device and back
  MatmulLibrary matmul = MatmulLibrary::own;
};

/// The device of a backend that has one; null for one that computes on the host.
///
/// \throws ConfigError  if the backend is none of this build or this machine, or the matmuls are to
///                      be a library's that isn't here
/// \throws ApiError     if there is no such device, or not so much memory
[[nodiscard]] std::unique_ptr<Device> make_device(Backend backend, DeviceOptions const& options);

}  // namespace talus::kernels
