// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/library.hpp"

#include <dlfcn.h>

#include "kernels/cuda/load_error.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr char const* file_name = "libtalus_cuda.so";

}  // namespace

std::vector<std::filesystem::path> module_paths() {
  std::error_code ignored;
  auto const folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  return {folder / file_name, folder.parent_path() / TALUS_LIBRARY_FOLDER / "talus" / file_name};
}

Library open_library(std::vector<std::filesystem::path> const& paths) {
  std::string tried;
  for (std::filesystem::path const& path : paths) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      tried += concat(tried.empty() ? "" : ", ", path.string());
      continue;
    }
    void* const opened = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) {
      return {nullptr, load_error()};
    }
    void* const entry = dlsym(opened, module_entry);
    if (entry == nullptr) {
      return {nullptr, concat(path.string(), ": ", load_error())};
    }
    return {reinterpret_cast<ModuleEntry*>(entry)(), ""};
  }
  return {nullptr, concat("no module with kernels for NVIDIA GPUs (looked for ", tried, ')')};
}

Devices find_devices() {
  Library const library = open_library(module_paths());
  return library.module == nullptr ? Devices{{}, library.reason} : library.module->devices();
}

}  // namespace talus::kernels::cuda
