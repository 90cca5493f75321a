// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/nccl_sender.hpp"

#include "kernels/cuda/check.hpp"
#include "kernels/cuda/nccl_group.hpp"
#include "runtime/base/assert.hpp"

namespace talus::kernels::cuda {

NcclSender::NcclSender(Device& device, Link const& link, SenderOptions const& options)
    : device_{device}, link_{link} {
  TALUS_EXPECT(options.num_slots > 0 && options.max_bytes > 0);
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  stream_.reset(stream);
  for (int number = 0; number < options.num_slots; ++number) {
    Slot& slot = slots_.emplace_back();
    slot.filled = make_event();
    slot.sent = make_event();
    slot.memory = device_.allocate(options.max_bytes);
  }
}

NcclSender::~NcclSender() {
  // All has left, or an error is on its way: then nothing is waited for that may never come.
  for (Slot const& slot : slots_) {
    if (slot.memory != nullptr) {
      device_.release(slot.memory);
    }
  }
}

void NcclSender::send(void const* memory, std::int64_t bytes) {
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % slots_.size();
  cudaStream_t const own = device_.stream();
  if (slot.is_used) {
    check(cudaStreamWaitEvent(own, slot.sent.get(), 0), "cudaStreamWaitEvent");
  }
  slot.is_used = true;
  device_.copy(memory, slot.memory, bytes);
  check(cudaEventRecord(slot.filled.get(), own), "cudaEventRecord");
  check(cudaStreamWaitEvent(stream_.get(), slot.filled.get(), 0), "cudaStreamWaitEvent");
  check_nccl(link_.functions,
             link_.functions.send(slot.memory,
                                  static_cast<std::size_t>(bytes),
                                  nccl_bytes,
                                  link_.peer,
                                  link_.communicator,
                                  stream_.get()),
             "ncclSend");
  check(cudaEventRecord(slot.sent.get(), stream_.get()), "cudaEventRecord");
}

void NcclSender::finish() {
  device_.wait_for(stream_.get(), Waited::for_some);
}

}  // namespace talus::kernels::cuda
