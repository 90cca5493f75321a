// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// \file
/// Starting and stopping Kokkos. Everything that differs between its versions is in library.cpp.

namespace talus::kernels::kokkos {

[[nodiscard]] bool is_started() noexcept;

/// \param num_threads  0: as many as the cores that this process may run on
void start(int num_threads);

void stop() noexcept;

/// Threads of the host execution space.
[[nodiscard]] int num_threads();

/// "Kokkos 3.4.1 OpenMP".
[[nodiscard]] std::string description();

}  // namespace talus::kernels::kokkos
