// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include <boost/context/fiber.hpp>

namespace talus::kernels::block::emulation {

/// What a fiber runs: one call a round.
class FiberBody {
 public:
  FiberBody() = default;
  FiberBody(FiberBody const&) = delete;
  FiberBody& operator=(FiberBody const&) = delete;
  virtual ~FiberBody() = default;

  /// The work of thread `number`. Lets no exception out.
  virtual void run(int number) noexcept = 0;
};

/// A thread of execution with a stack of its own, that runs only while someone waits for it.
///
/// Address sanitizers are told of each change of stacks.
class Fiber {
 public:
  /// Room enough for kernel bodies under sanitizers; a page beyond it can't be touched.
  static constexpr std::size_t stack_bytes = std::size_t{256} << 10U;

  explicit Fiber(int number);
  ~Fiber();
  Fiber(Fiber const&) = delete;
  Fiber& operator=(Fiber const&) = delete;

  /// The next resume() begins body.run(number).
  void start(FiberBody& body) noexcept { body_ = &body; }

  /// Runs it, until it suspends itself or its run() has returned. Not from a fiber.
  void resume();

  /// Back to who resumed it. From the fiber itself only.
  void suspend();

 private:
  boost::context::fiber loop(boost::context::fiber&& resumer);

  int number_;
  FiberBody* body_ = nullptr;  ///< null: to end
  boost::context::fiber own_;
  boost::context::fiber resumer_;
  void const* stack_ = nullptr;  ///< the fiber's lowest address
  std::size_t stack_size_ = 0;
  void const* resumer_stack_ = nullptr;  ///< the resumer's
  std::size_t resumer_bytes_ = 0;
};

}  // namespace talus::kernels::block::emulation
