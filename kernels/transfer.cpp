// SPDX-License-Identifier: Apache-2.0
#include "kernels/transfer.hpp"

#include <cstddef>
#include <cstring>

#include "kernels/copy_heads.hpp"
#include "kernels/device.hpp"

namespace talus::kernels {
namespace {

void copy_on_host(void const* from, void* to, std::int64_t bytes) {
  if (from != to && bytes > 0) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

}  // namespace

namespace detail {

void upload(ExecContext const& exec, void const* host, void* to, std::int64_t bytes) {
  if (exec.device == nullptr) {
    copy_on_host(host, to, bytes);
  } else if (bytes > 0) {
    exec.device->upload(host, to, bytes);
  }
}

void download(ExecContext const& exec, void const* from, void* host, std::int64_t bytes) {
  if (exec.device == nullptr) {
    copy_on_host(from, host, bytes);
  } else if (bytes > 0) {
    exec.device->download(from, host, bytes);
  }
}

void copy(ExecContext const& exec, void const* from, void* to, std::int64_t bytes) {
  if (exec.device == nullptr) {
    copy_on_host(from, to, bytes);
  } else if (from != to && bytes > 0) {
    exec.device->copy(from, to, bytes);
  }
}

void clear(ExecContext const& exec, void* memory, std::int64_t bytes) {
  if (bytes == 0) {
    return;
  }
  if (exec.device == nullptr) {
    std::memset(memory, 0, static_cast<std::size_t>(bytes));
  } else {
    exec.device->clear(memory, bytes);
  }
}

}  // namespace detail

void copy_matrix(ExecContext const& exec, MatrixView<float const> x, MatrixView<float> y) {
  // All columns are one head's.
  copy_heads(
      exec, {.num_heads = 1, .width = x.cols, .in_stride = x.cols, .out_stride = x.cols}, x, y);
}

void upload_rows(ExecContext const& exec, void const* host, RowPlaces const& places) {
  auto const* from = static_cast<std::byte const*>(host);
  auto* to = static_cast<std::byte*>(places.first);
  if (places.row_bytes == places.row_stride) {
    detail::upload(exec, from, to, places.num_rows * places.row_bytes);
    return;
  }
  for (std::int64_t row = 0; row < places.num_rows; ++row) {
    detail::upload(
        exec, from + row * places.row_bytes, to + row * places.row_stride, places.row_bytes);
  }
}

}  // namespace talus::kernels
