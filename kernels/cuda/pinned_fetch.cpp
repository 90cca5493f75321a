// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/pinned_fetch.hpp"

#include "kernels/cuda/check.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {

PinnedFetch::PinnedFetch(Device& device, std::int64_t bytes)
    : device_{device}, most_bytes_{bytes}, done_{make_event()} {
  void* memory = nullptr;
  check(cudaMallocHost(&memory, static_cast<std::size_t>(bytes)), "cudaMallocHost of a fetch");
  memory_.reset(memory);
}

void PinnedFetch::start(void const* from, std::int64_t bytes) {
  if (bytes > most_bytes_) {
    throw ConfigError{concat("fetch: ", bytes, " bytes (made for ", most_bytes_, ")")};
  }
  bytes_ = bytes;
  device_.start_fetch(from, memory_.get(), bytes);
  check(cudaEventRecord(done_.get(), device_.stream()), "cudaEventRecord");
}

std::span<std::byte const> PinnedFetch::wait() {
  device_.wait_for(done_.get(), Waited::for_some);
  return {static_cast<std::byte const*>(memory_.get()), static_cast<std::size_t>(bytes_)};
}

std::unique_ptr<DeviceFetch> Device::make_fetch(std::int64_t bytes) {
  return std::make_unique<PinnedFetch>(*this, bytes);
}

void Device::start_fetch(void const* from, void* pinned, std::int64_t bytes) {
  refuse_while_recording("fetch");
  queue_copy(from, pinned, bytes);
}

}  // namespace talus::kernels::cuda
