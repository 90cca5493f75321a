// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace talus::kernels {

class Device;
class MemorySource;
class ThreadTeam;

/// A family of implementations of the operations.
///
/// reference: plain float32 loops, the oracle. kokkos: portable, on any processor that Kokkos
/// knows. avx2, avx512, avx512_bf16, amx: for x86 processors that have those instructions.
/// cuda: NVIDIA GPUs.
/// A backend is one order of summation: the same inputs give the same bits whatever the number of
/// rows, threads or ranks, but two backends agree only to a tolerance.
enum class Backend { reference, kokkos, avx2, avx512, avx512_bf16, amx, cuda };

/// Where, and in what order, the operations of one caller run.
///
/// The first parameter of everything that computes or copies. Operations given the same context run
/// in the order they are called. On the host they return when the result is ready; on a device,
/// when it is queued, but for results that the host gets.
struct ExecContext {
  Backend backend = Backend::reference;
  ThreadTeam* team = nullptr;      ///< of the x86 backends; null: the calling thread alone
  MemorySource* memory = nullptr;  ///< where buffers come from; null: the system, or the device
  Device* device = nullptr;        ///< of the cuda backend; null: memory is the host's
};

/// "reference", "kokkos", "avx2", "avx512", "avx512_bf16", "amx", "cuda".
[[nodiscard]] char const* name_of(Backend backend) noexcept;

/// \throws ConfigError  naming what is allowed, if `name` is no backend that can run here
[[nodiscard]] Backend backend_from(std::string_view name);

/// The backends that this build has and this processor can run on the host, the fastest last.
[[nodiscard]] std::span<Backend const> available_backends();

}  // namespace talus::kernels
