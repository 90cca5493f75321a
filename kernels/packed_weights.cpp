// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_weights.hpp"

#include <cstring>

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"

namespace talus::kernels {
namespace {

void check_stored_type(DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) {
    throw ConfigError{
        concat("weights: stored as ", name_of(dtype), " (must be float32 or bfloat16)")};
  }
}

}  // namespace

std::int64_t packed_bytes(ExecContext const& exec, std::int64_t out, std::int64_t in, DType dtype) {
  std::int64_t rows = out;
  if (exec.backend != Backend::reference) {
    constexpr std::int64_t panel = PackedWeights::panel_outputs;
    rows = (out + panel - 1) / panel * panel;
  }
  return rows * in * size_of(dtype);
}

PackedWeights::PackedWeights(ExecContext const& exec,
                             std::int64_t out,
                             std::int64_t in,
                             DType dtype)
    : out_{out}, in_{in}, dtype_{dtype} {
  check_stored_type(dtype);
  detail::check_at_least("weights", "out", out, 0);
  detail::check_at_least("weights", "in", in, 0);
  data_ = Buffer<std::byte>{exec, packed_bytes(exec, out, in, dtype)};
  if (data_.bytes() > 0) {
    std::memset(data_.data(), 0, static_cast<std::size_t>(data_.bytes()));
  }
}

void PackedWeights::set(ExecContext const& exec, MatrixOrigin origin, RawRows const& rows) {
  detail::check_rows("weights", origin, rows, {out_, in_});
  if (rows.rows == 0 || rows.cols == 0) {
    return;
  }
  operations_of(exec.backend).pack_rows({data_.data(), in_, dtype_}, origin, rows);
}

}  // namespace talus::kernels
