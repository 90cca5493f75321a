// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <dlfcn.h>

namespace talus::kernels::cuda {

/// Looks up functions of a library that is open, and keeps the first name that isn't there.
class Symbols {
 public:
  explicit Symbols(void* library) : library_{library} {}

  template <class Function>
  void find(Function*& function, char const* name) {
    function = reinterpret_cast<Function*>(dlsym(library_, name));
    if (function == nullptr && missing_.empty()) {
      missing_ = name;
    }
  }

  /// Empty: all are there.
  [[nodiscard]] std::string const& missing() const noexcept { return missing_; }

 private:
  void* library_;
  std::string missing_;
};

}  // namespace talus::kernels::cuda
