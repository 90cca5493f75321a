// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/base/unique_handle.hpp"

namespace talus::io::detail {

/// How UniqueHandle closes a file of the system.
struct OpenFileTraits {
  using native_type = int;

  static int null() noexcept { return -1; }

  static void destroy(int descriptor) noexcept;
};

/// An open file of the system.
using OpenFile = UniqueHandle<OpenFileTraits>;

}  // namespace talus::io::detail
