// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/fiber.hpp"

#include <memory>
#include <utility>

#include <boost/context/protected_fixedsize_stack.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define TALUS_HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TALUS_HAS_ADDRESS_SANITIZER 1
#endif
#endif
#if TALUS_HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace talus::kernels::block::emulation {
namespace {

/// Says that the stack is about to become [stack, stack + bytes); what is kept goes to
/// after_switch. A fiber that ends keeps nothing.
void before_switch([[maybe_unused]] void** kept,
                   [[maybe_unused]] void const* stack,
                   [[maybe_unused]] std::size_t bytes) {
#if TALUS_HAS_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(kept, stack, bytes);
#endif
}

/// Says that it has; tells what it was before, where asked for.
void after_switch([[maybe_unused]] void* kept,
                  [[maybe_unused]] void const** stack,
                  [[maybe_unused]] std::size_t* bytes) {
#if TALUS_HAS_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(kept, stack, bytes);
#endif
}

/// Memory of a stack is new, whatever was marked there when another one had it: a fiber's first
/// function doesn't come to its end.
void begin_stack([[maybe_unused]] void const* stack, [[maybe_unused]] std::size_t bytes) {
#if TALUS_HAS_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(stack, bytes);
#endif
}

}  // namespace

Fiber::Fiber(int number) : number_{number} {
  boost::context::protected_fixedsize_stack allocator{stack_bytes};
  boost::context::stack_context const memory = allocator.allocate();
  stack_ = static_cast<std::byte*>(memory.sp) - memory.size;
  stack_size_ = memory.size;  // with the page that can't be touched
  begin_stack(stack_, stack_size_);
  own_ = boost::context::fiber{
      std::allocator_arg,
      boost::context::preallocated{memory.sp, memory.size, memory},
      allocator,
      [this](boost::context::fiber&& resumer) { return loop(std::move(resumer)); }};
}

Fiber::~Fiber() {
  body_ = nullptr;
  resume();
}

void Fiber::resume() {
  void* kept = nullptr;
  before_switch(&kept, stack_, stack_size_);
  own_ = std::move(own_).resume();
  after_switch(kept, nullptr, nullptr);
}

void Fiber::suspend() {
  void* kept = nullptr;
  before_switch(&kept, resumer_stack_, resumer_bytes_);
  resumer_ = std::move(resumer_).resume();
  after_switch(kept, &resumer_stack_, &resumer_bytes_);
}

boost::context::fiber Fiber::loop(boost::context::fiber&& resumer) {
  resumer_ = std::move(resumer);
  after_switch(nullptr, &resumer_stack_, &resumer_bytes_);
  while (body_ != nullptr) {
    body_->run(number_);
    suspend();
  }
  before_switch(nullptr, resumer_stack_, resumer_bytes_);
  return std::move(resumer_);
}

}  // namespace talus::kernels::block::emulation
