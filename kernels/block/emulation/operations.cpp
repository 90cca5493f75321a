// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/operations.hpp"

#include <utility>

#include "kernels/block/operations.hpp"
#include "kernels/reference/functions.hpp"

namespace talus::kernels::block::emulation {
namespace {

/// The device of a ScopedSchedule, if there is one.
EmulatedDevice*& scoped_device() {
  thread_local EmulatedDevice* device = nullptr;
  return device;
}

EmulatedDevice& current_device() {
  thread_local EmulatedDevice device{{Schedule::Order::random, 1}};
  EmulatedDevice* const scoped = scoped_device();
  return scoped != nullptr ? *scoped : device;
}

/// Frees in the end what an operation took.
class Operation {
 public:
  Operation(EmulatedDevice& device, FencedDevice* fenced) : device_{device} {
    device.begin_operation(fenced);
  }

  ~Operation() { device_.end_operation(); }

  Operation(Operation const&) = delete;
  Operation& operator=(Operation const&) = delete;

  [[nodiscard]] EmulatedDevice& operator*() const noexcept { return device_; }

 private:
  EmulatedDevice& device_;
};

struct Emulated {
  [[nodiscard]] static Operation operation(ExecContext const& exec) {
    return {current_device(), static_cast<FencedDevice*>(exec.device)};
  }
};

}  // namespace

Operations operations() noexcept {
  Operations table = reference::table_of_operations();
  set_operations<Emulated>(table);
  return table;
}

std::unique_ptr<Device> make_device(DeviceOptions const& options) {
  constexpr std::int64_t usual_bytes = std::int64_t{256} << 20;
  auto device =
      std::make_unique<FencedDevice>(options.pool_bytes > 0 ? options.pool_bytes : usual_bytes);
  if (options.matmul == MatmulLibrary::cublaslt) {
    cuda::CublasLtLibrary const library = cuda::require_cublaslt();
    constexpr std::int64_t bytes = std::int64_t{1} << 20;
    constexpr int capability = 90;
    device->set_products(
        std::make_unique<cuda::LibraryProducts>(
            library, cuda::ProductResources{device->allocate(bytes), bytes, nullptr, capability}),
        biased_matmul<Emulated>());
  }
  return device;
}

ScopedSchedule::ScopedSchedule(Schedule schedule)
    : device_{schedule}, before_{std::exchange(scoped_device(), &device_)} {}

ScopedSchedule::~ScopedSchedule() {
  scoped_device() = before_;
}

}  // namespace talus::kernels::block::emulation
