// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/exec_context.hpp"
#include "runtime/base/matrix_view.hpp"

/// \file
/// Between the host's memory and a context's, which are the same where it has no device.

namespace talus::kernels {

/// Whether the host can read and write the context's buffers.
[[nodiscard]] inline bool shares_memory(ExecContext const& exec) noexcept {
  return exec.device == nullptr;
}

namespace detail {

void upload(ExecContext const& exec, void const* host, void* to, std::int64_t bytes);
void download(ExecContext const& exec, void const* from, void* host, std::int64_t bytes);
void copy(ExecContext const& exec, void const* from, void* to, std::int64_t bytes);
void clear(ExecContext const& exec, void* memory, std::int64_t bytes);

}  // namespace detail

/// Copies an array of the host into the context's memory. It may change when this returns.
///
/// \param to  no shorter than `host`; may be the same array, where memory is shared
template <class T>
void upload(ExecContext const& exec, std::span<T const> host, T* to) {
  detail::upload(exec, host.data(), to, static_cast<std::int64_t>(host.size_bytes()));
}

/// Copies an array of the context's memory to the host, once all operations before are done.
template <class T>
void download(ExecContext const& exec, T const* from, std::span<T> host) {
  detail::download(exec, from, host.data(), static_cast<std::int64_t>(host.size_bytes()));
}

/// Copies within the context's memory. The arrays don't overlap.
template <class T>
void copy(ExecContext const& exec, std::span<T const> from, T* to) {
  detail::copy(exec, from.data(), to, static_cast<std::int64_t>(from.size_bytes()));
}

/// Sets an array in the context's memory to zero bytes.
template <class T>
void clear(ExecContext const& exec, std::span<T> memory) {
  detail::clear(exec, memory.data(), static_cast<std::int64_t>(memory.size_bytes()));
}

/// y[t, :] = x[t, :], within the context's memory.
///
/// \param y  of the same shape; must not overlap x
void copy_matrix(ExecContext const& exec, MatrixView<float const> x, MatrixView<float> y);

/// Whole rows of the host, put somewhere into rows of the context's memory.
struct RowPlaces {
  void* first = nullptr;       ///< where the first row begins
  std::int64_t row_bytes = 0;  ///< of what is copied
  std::int64_t num_rows = 0;
  std::int64_t row_stride = 0;  ///< bytes from one row to the next in the context's memory
};

/// Copies `num_rows` rows that lie without gaps on the host.
void upload_rows(ExecContext const& exec, void const* host, RowPlaces const& places);

}  // namespace talus::kernels
