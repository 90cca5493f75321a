// SPDX-License-Identifier: Apache-2.0
#include "kernels/targets.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#if TALUS_HAS_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "kernels/cuda/library.hpp"
#include "kernels/cuda/packing.hpp"
#include "kernels/packing.hpp"
#include "kernels/reference/functions.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {

// Of sources that are compiled for one target each (kernels/lanes).
namespace kokkos {
Operations operations() noexcept;
}
#if TALUS_HAS_X86
namespace avx2 {
Operations operations() noexcept;
}

namespace avx512 {
Operations operations() noexcept;
}

namespace avx512_vnni {
Operations operations() noexcept;
}

namespace avx512_bf16 {
Operations operations() noexcept;
}

namespace amx {
Operations operations() noexcept;
}
#endif

#if TALUS_EMULATES_CUDA
namespace block::emulation {
Operations operations() noexcept;
std::unique_ptr<Device> make_device(DeviceOptions const& options);
}  // namespace block::emulation
#endif

#if TALUS_TESTS_CARD
namespace cuda {
/// Of tests/kernels/cuda: a card's operations, compared with the emulated ones.
Operations checked_operations();
}  // namespace cuda
#endif

#if TALUS_EMULATES_TARGETS
namespace avx512_bf16_emulated {
Operations operations() noexcept;
}

namespace amx_emulated {
Operations operations() noexcept;
}
#endif

namespace {

#if TALUS_HAS_X86
/// Whether float16 can be converted (F16C; leaf 1, ECX bit 29): compilers have no name for it.
bool has_half_conversions() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c >> 29U & 1U) == 1;
}

/// Whether there are tile registers for bfloat16, and the system lets this process use them: it
/// asks, since they make a thread's state 8 KB larger.
///
/// References: Intel, "Architecture Instruction Set Extensions Programming Reference", chapter 1
/// (leaf 7, EDX bits 22 and 24); Linux, "Documentation/arch/x86/xstate.rst".
bool may_use_tiles() {
  constexpr long request_permission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  bool const has_tiles =
      __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22U & 1U) == 1 && (d >> 24U & 1U) == 1;
  return has_tiles && syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

#if TALUS_HAS_X86
/// Those of AVX-512, as far as the processor has it.
void add_avx512(std::vector<Target>& found) {
  if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))) {
    return;
  }
  bool const has_vnni = __builtin_cpu_supports("avx512vnni");
  found.push_back({Backend::avx512, has_vnni ? avx512_vnni::operations() : avx512::operations()});
  if (has_vnni && __builtin_cpu_supports("avx512bf16")) {
    found.push_back({Backend::avx512_bf16, avx512_bf16::operations()});
  }
  if (may_use_tiles()) {
    found.push_back({Backend::amx, amx::operations()});
  }
}
#endif

#if TALUS_EMULATES_TARGETS
/// Those that the processor doesn't have.
void add_emulated(std::vector<Target>& found) {
  auto const add = [&](Backend backend, Operations const& operations) {
    bool const is_there = std::any_of(found.begin(), found.end(), [&](Target const& target) {
      return target.backend == backend;
    });
    if (!is_there) {
      found.push_back({backend, operations});
    }
  };
  add(Backend::avx512_bf16, avx512_bf16_emulated::operations());
  add(Backend::amx, amx_emulated::operations());
}
#endif

std::vector<Target> find_targets() {
#if TALUS_TESTS_CARD
  return {{Backend::reference, reference::table_of_operations()},
          {Backend::cuda, cuda::checked_operations()}};
#elif TALUS_EMULATES_CUDA
  // Its tests compare it with the oracle alone.
  return {{Backend::reference, reference::table_of_operations()},
          {Backend::cuda, block::emulation::operations(), block::emulation::make_device}};
#else
  std::vector<Target> found{{Backend::reference, reference::table_of_operations()},
                            {Backend::kokkos, kokkos::operations()}};
#if TALUS_HAS_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2") && has_half_conversions()) {
    found.push_back({Backend::avx2, avx2::operations()});
    add_avx512(found);
#if TALUS_EMULATES_TARGETS
    add_emulated(found);
#endif
  }
#endif
  return found;
#endif
}

}  // namespace

std::vector<Target> const& targets() {
  static std::vector<Target> const found = find_targets();
  return found;
}

namespace {

/// The NVIDIA GPUs' backend, or why there is none here.
struct CudaTarget {
  std::optional<Target> target;
  std::string reason;
};

CudaTarget find_cuda_target() {
  cuda::Library const library = cuda::open_library(cuda::module_paths());
  if (library.module == nullptr) {
    return {std::nullopt, library.reason};
  }
  if (cuda::Devices const devices = library.module->devices(); devices.found.empty()) {
    return {std::nullopt, devices.reason};
  }
  Target target{Backend::cuda,
                reference::table_of_operations(),
                library.module->make_device,
                library.module->devices};
  library.module->set_operations(target.operations);
  return {std::move(target), ""};
}

/// Looked for when it is asked for: a program that computes on the host opens no module.
CudaTarget const& cuda_target() {
  static CudaTarget const cuda = find_cuda_target();
  return cuda;
}

/// One of those that need no looking for; null: it is none of them.
Target const* find_target(Backend backend) {
  auto const found = std::find_if(targets().begin(), targets().end(), [&](Target const& target) {
    return target.backend == backend;
  });
  return found == targets().end() ? nullptr : &*found;
}

/// Whether the backend is that of GPUs, and there are none or no kernels for them.
bool lacks_gpus(Backend backend) {
  return backend == Backend::cuda && find_target(backend) == nullptr && !cuda_target().target;
}

Target const& target_of(Backend backend) {
  if (Target const* const target = find_target(backend)) {
    return *target;
  }
  if (backend == Backend::cuda && cuda_target().target) {
    return *cuda_target().target;
  }
  throw ConfigError{
      concat("backend: ",
             name_of(backend),
             " (",
             backend == Backend::cuda ? cuda_target().reason : "this processor can't run it",
             ')')};
}

}  // namespace

Operations const& operations_of(Backend backend) {
  return target_of(backend).operations;
}

Operations const& packing_operations_of(Backend backend) {
  if (lacks_gpus(backend)) {
    static Operations const absent = cuda::packing_operations();
    return absent;
  }
  return operations_of(backend);
}

std::optional<cuda::Devices> visible_devices(Backend backend) {
  if (lacks_gpus(backend)) {
    return cuda::Devices{{}, cuda_target().reason};
  }
  auto const devices = target_of(backend).devices;
  return devices == nullptr ? std::nullopt : std::optional{devices()};
}

std::unique_ptr<Device> make_device(Backend backend, DeviceOptions const& options) {
  auto const make = target_of(backend).make_device;
  return make == nullptr ? nullptr : make(options);
}

}  // namespace talus::kernels
