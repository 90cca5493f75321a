// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace talus::kernels {

/// A family of implementations of the operations.
///
/// reference: plain float32 loops, the oracle. kokkos: what runs by default on CPUs.
/// A backend is one order of summation: the same inputs give the same bits whatever the number of
/// rows, threads or ranks, but two backends agree only to a tolerance.
enum class Backend { reference, kokkos };

/// Where, and in what order, the operations of one caller run.
///
/// The first parameter of everything that computes or copies. Operations given the same context run
/// in the order they are called; both backends return when the result is ready.
struct ExecContext {
  Backend backend = Backend::reference;
};

/// "reference", "kokkos".
[[nodiscard]] char const* name_of(Backend backend) noexcept;

/// \throws ConfigError  naming what is allowed, if `name` is no backend
[[nodiscard]] Backend backend_from(std::string_view name);

}  // namespace talus::kernels
