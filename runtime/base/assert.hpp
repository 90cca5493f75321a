// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/source_location.hpp"

namespace talus {

/// Prints the broken contract and its place, and aborts; what TALUS_EXPECT calls.
[[noreturn]] void contract_broken(char const* condition, SourceLocation where) noexcept;

}  // namespace talus

/// Checks what the caller must guarantee. A bug of ours, never something that a user can cause; on
/// in builds without NDEBUG, so the condition must have no side effect. It is compiled in any case,
/// or compilers would warn of what is there for the check alone.
#ifdef NDEBUG
#define TALUS_EXPECT(condition) static_cast<void>(sizeof(!(condition)))
#else
#define TALUS_EXPECT(condition)       \
  ((condition) ? static_cast<void>(0) \
               : ::talus::contract_broken(#condition, ::talus::SourceLocation::current()))
#endif
