// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/nccl_group.hpp"
#include "kernels/cuda/operations.hpp"
#include "kernels/cuda/patient_poll.hpp"
#include "kernels/cuda/pci_address.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/rounding.hpp"

namespace talus::kernels::cuda {
namespace {

DeviceMemory device_memory(std::int64_t bytes, char const* what) {
  void* memory = nullptr;
  if (bytes > 0) {
    check(cudaMalloc(&memory, static_cast<std::size_t>(bytes)), what);
  }
  return DeviceMemory{memory};
}

/// Chooses the device for all that this thread does next.
void use_device(int number) {
  int count = 0;
  check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  check(cudaSetDevice(number % count), "cudaSetDevice");
}

/// What this thread's device has of something.
int attribute_of_device(cudaDeviceAttr attribute) {
  int number = 0;
  int value = 0;
  check(cudaGetDevice(&number), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&value, attribute, number), "cudaDeviceGetAttribute");
  return value;
}

/// 90: 9.0.
int compute_capability() {
  return 10 * attribute_of_device(cudaDevAttrComputeCapabilityMajor) +
         attribute_of_device(cudaDevAttrComputeCapabilityMinor);
}

std::int64_t free_memory() {
  std::size_t free = 0;
  std::size_t total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return static_cast<std::int64_t>(free);
}

}  // namespace

Device::Device(DeviceOptions const& options)
    : pool_{(use_device(options.number),
             options.pool_bytes > 0 ? options.pool_bytes : free_memory() / 10 * 9)},
      staging_plan_{options.staging_bytes} {
  cudaStream_t stream = nullptr;
  // Waits for nothing that others queue on the default stream.
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  stream_.reset(stream);
  memory_ = device_memory(pool_.size(), "cudaMalloc of the pool");
  void* staging = nullptr;
  check(cudaMallocHost(&staging, static_cast<std::size_t>(options.staging_bytes)),
        "cudaMallocHost of staging memory");
  staging_.reset(staging);
  staged_ = device_memory(options.staging_bytes, "cudaMalloc of staged memory");
  for (Event& event : half_done_) {
    event = make_event();
  }
  most_shared_bytes_ = attribute_of_device(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  if (options.matmul == MatmulLibrary::cublaslt) {
    open_products();
  }
}

void Device::open_products() {
  CublasLtLibrary const library = require_cublaslt();
  constexpr std::int64_t bytes = LibraryProducts::usual_workspace_bytes;
  products_ = std::make_unique<LibraryProducts>(
      library, ProductResources{allocate(bytes), bytes, stream_.get(), compute_capability()});
}

BiasedMatmul Device::biased_matmul() const {
  return products_ == nullptr ? nullptr : biased_matmul_of_library();
}

DeviceLinks* Device::links() {
  if (!links_) {
    int number = 0;
    check(cudaGetDevice(&number), "cudaGetDevice");
    links_ = std::make_unique<NcclLinks>(pci_address(number), *this);
  }
  return links_.get();
}

std::byte* Device::take_pinned(std::int64_t bytes) {
  StagingPlan::Place const place = staging_plan_.take(bytes);
  enter(place);
  return static_cast<std::byte*>(staging_.get()) + place.offset;
}

void Device::enter(StagingPlan::Place const& place) {
  if (place.entered) {
    auto const half = static_cast<std::size_t>(*place.entered);
    check(cudaEventRecord(half_done_[1 - half].get(), stream_.get()), "cudaEventRecord");
    wait_for(half_done_[half].get(), Waited::for_some);
  }
}

void const* Device::stage(void const* host, std::int64_t bytes) {
  if (void const* const mirror = find_mirror(host, bytes)) {
    return mirror;
  }
  if (bytes > staging_plan_.half_bytes()) {
    throw ConfigError{concat("upload: ",
                             bytes,
                             " bytes (at most ",
                             staging_plan_.half_bytes(),
                             ", half of the staging memory)")};
  }
  if (bytes == 0) {
    return nullptr;
  }
  std::span const array{static_cast<std::byte const*>(host), static_cast<std::size_t>(bytes)};
  if (recorded_) {
    return at(recorded_->keep(array));
  }
  auto* const pinned = static_cast<std::byte*>(staging_.get());
  auto* const staged = static_cast<std::byte*>(staged_.get());
  StagingPlan::Place const place = staging_plan_.place(array, pinned);
  if (!place.is_there) {
    enter(place);
    std::memcpy(pinned + place.offset, host, static_cast<std::size_t>(bytes));
    queue_copy(pinned + place.offset, staged + place.offset, bytes);
  }
  return staged + place.offset;
}

void Device::upload(void const* host, void* to, std::int64_t bytes) {
  refuse_while_recording("upload");
  auto const* from = static_cast<std::byte const*>(host);
  auto* place = static_cast<std::byte*>(to);
  while (bytes > 0) {
    std::int64_t const piece = std::min(bytes, staging_plan_.half_bytes());
    std::byte* const pinned = take_pinned(piece);
    std::memcpy(pinned, from, static_cast<std::size_t>(piece));
    queue_copy(pinned, place, piece);
    from += piece;
    place += piece;
    bytes -= piece;
  }
}

void Device::download(void const* from, void* host, std::int64_t bytes) {
  refuse_while_recording("download");
  auto const* place = static_cast<std::byte const*>(from);
  auto* to = static_cast<std::byte*>(host);
  while (bytes > 0) {
    std::int64_t const piece = std::min(bytes, staging_plan_.half_bytes());
    std::byte* const pinned = take_pinned(piece);
    queue_copy(place, pinned, piece);
    synchronize();
    std::memcpy(to, pinned, static_cast<std::size_t>(piece));
    place += piece;
    to += piece;
    bytes -= piece;
  }
}

void Device::copy(void const* from, void* to, std::int64_t bytes) {
  queue_copy(from, to, bytes);
}

void Device::clear(void* memory, std::int64_t bytes) {
  check(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), stream_.get()),
        "cudaMemsetAsync");
}

/// Between any two kinds of memory: CUDA knows which they are by their addresses.
void Device::queue_copy(void const* from, void* to, std::int64_t bytes) {
  check(
      cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, stream_.get()),
      "cudaMemcpyAsync");
}

std::int64_t Device::take_piece(std::int64_t bytes) {
  auto const offset = pool_.take(bytes);
  if (!offset) {
    throw OutOfMemory{concat("device memory: ",
                             bytes,
                             " bytes (the pool of ",
                             pool_.size(),
                             " has no more than ",
                             pool_.largest_free(),
                             " in one piece)")};
  }
  return *offset;
}

void* Device::allocate(std::int64_t bytes) {
  refuse_while_recording("allocate");
  count_memory_change();
  return at(take_piece(bytes));
}

void Device::release(void* memory) noexcept {
  count_memory_change();
  pool_.give_back(static_cast<std::byte*>(memory) - static_cast<std::byte*>(memory_.get()));
}

void* Device::scratch(std::int64_t bytes) {
  if (bytes == 0) {
    return nullptr;
  }
  if (recorded_) {
    return at(recorded_->take_scratch(bytes));
  }
  taken_.push_back(take_piece(bytes));
  taken_bytes_ += RecordedMemory::piece_bytes(bytes);
  most_scratch_ = std::max(most_scratch_, taken_bytes_);
  return at(taken_.back());
}

void Device::end_operation() {
  if (recorded_) {
    return recorded_->end_operation();
  }
  taken_bytes_ = 0;
  for (std::int64_t const offset : taken_) {
    pool_.give_back(offset);
  }
  taken_.clear();
}

Event make_event(unsigned flags) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, flags), "cudaEventCreateWithFlags");
  return Event{event};
}

Device& device_of(ExecContext const& exec) {
  if (exec.device == nullptr) {
    throw ConfigError{"cuda: an operation of a context without a device"};
  }
  return static_cast<Device&>(*exec.device);
}

void Device::synchronize() {
  refuse_while_recording("synchronize");
  wait_for(stream_.get(), Waited::for_all);
}

void Device::wait_for(cudaStream_t stream, Waited waited) {
  wait_until([&] { return cudaStreamQuery(stream); }, "cudaStreamQuery", waited);
}

void Device::wait_for(cudaEvent_t event, Waited waited) {
  wait_until([&] { return cudaEventQuery(event); }, "cudaEventQuery", waited);
}

template <class Query>
void Device::wait_until(Query const& query, char const* what, Waited waited) {
  DeviceWaitScope const waiting{waits(), waited};
  PatientPoll poll;
  for (cudaError_t state = query(); state != cudaSuccess; state = query()) {
    if (state != cudaErrorNotReady) {
      check(state, what);
    }
    if (poll.pause()) {
      for (NcclGroup const* const group : groups_) {
        group->check_errors();
      }
    }
  }
}

}  // namespace talus::kernels::cuda
