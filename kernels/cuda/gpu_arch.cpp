// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/gpu_arch.hpp"

#include <charconv>

#include "runtime/base/error.hpp"

namespace talus::kernels::cuda {
namespace {

constexpr int oldest = 80;   // the kernels want its tensor cores
constexpr int newest = 999;  // of three digits

/// Of nvcc's names: what is for one capability alone, or for its family.
constexpr std::string_view suffixes = "af";

}  // namespace

int capability_from(std::string_view arch) {
  std::string_view number = arch;
  if (number.starts_with("sm_")) {
    number.remove_prefix(3);
  }
  if (!number.empty() && suffixes.find(number.back()) != std::string_view::npos) {
    number.remove_suffix(1);
  }
  int capability = 0;
  auto const [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), capability);
  bool const is_number = error == std::errc{} && end == number.data() + number.size();
  if (!is_number || capability < oldest || capability > newest) {
    throw ConfigError{
        concat("--gpu-arch: ", arch, " (must be as nvcc names it, and sm_80 or later: sm_90)")};
  }
  return capability;
}

}  // namespace talus::kernels::cuda
