// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/base/error.hpp"
#include "runtime/base/source_location.hpp"

namespace talus::kernels::block::emulation {

/// What a kernel can do wrong.
enum class FaultKind {
  divergence,     ///< a barrier, shuffle or vote that not all threads reach, or at two places
  race,           ///< two threads at one element, one of them writing, with no barrier between
  range,          ///< an index, a lane or an array beyond its end
  uninitialised,  ///< a read of shared memory that nobody has written
  alignment,      ///< a vector that doesn't begin at a multiple of its size
  launch,         ///< a shape that no GPU takes
};

/// A wrong kernel: thrown by a launch, with the kernel's name, the block and the thread.
class KernelFault final : public Error {
 public:
  KernelFault(FaultKind kind, std::string const& message, SourceLocation where)
      : Error{message, where}, kind_{kind} {}

  [[nodiscard]] FaultKind kind() const noexcept { return kind_; }

 private:
  FaultKind kind_;
};

}  // namespace talus::kernels::block::emulation
