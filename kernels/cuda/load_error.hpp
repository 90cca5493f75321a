// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <dlfcn.h>

namespace talus::kernels::cuda {

/// Why the last dlopen or dlsym of this thread failed.
[[nodiscard]] inline std::string load_error() {
  char const* const error = dlerror();
  return error == nullptr ? "for no reason that is told" : error;
}

}  // namespace talus::kernels::cuda
