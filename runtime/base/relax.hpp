// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus {

/// Tells the processor that this is a loop that polls memory.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // waits as long as x86's pause; `yield` does nothing
#endif
}

}  // namespace talus
