// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "kernels/code_order.hpp"
#include "kernels/detail/checks.hpp"
#include "kernels/detail/code_rows.hpp"
#include "kernels/detail/code_upload.hpp"
#include "kernels/detail/limits.hpp"
#include "kernels/detail/row_upload.hpp"
#include "kernels/device.hpp"
#include "kernels/packing.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {
namespace {

void check_stored_type(DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) {
    throw ConfigError{
        concat("weights: stored as ", name_of(dtype), " (must be float32 or bfloat16)")};
  }
}

void check_storage(QuantStorage const& storage) {
  bool const is_scale =
      storage.scales == DType::f32 || storage.scales == DType::f16 || storage.scales == DType::bf16;
  if (!is_scale) {
    throw ConfigError{concat("quantised weights: scales stored as ",
                             name_of(storage.scales),
                             " (must be float32, float16 or bfloat16)")};
  }
  if (storage.format.kind == QuantKind::mxfp4 && storage.scales == DType::f16) {
    throw ConfigError{"quantised weights: mxfp4 with scales of float16 (too few exponents)"};
  }
  if (storage.format.group % quant_chunk != 0 || storage.col_phase % quant_chunk != 0 ||
      storage.col_phase < 0 || storage.col_phase >= std::max(storage.format.group, quant_chunk)) {
    throw ConfigError{concat("quantised weights: group ",
                             storage.format.group,
                             ", beginning at ",
                             storage.col_phase,
                             " (must be multiples of ",
                             quant_chunk,
                             ", the beginning inside the group)")};
  }
}

bool is_exactly(DType type, float value) {
  if (type == DType::f32) {
    return std::isfinite(value);
  }
  if (type == DType::bf16) {
    return std::isfinite(value) && bf16_to_float(float_to_bf16(value)) == value;
  }
  // Of float16: 11 bits, the last one not below 2^-24, none above 65504.
  bool const has_eleven_bits = (std::bit_cast<std::uint32_t>(value) & 0x1FFFU) == 0U;
  float const units = value * 0x1p24F;
  return std::abs(value) <= 65504.0F && has_eleven_bits && units == std::nearbyint(units);
}

void check_scales(DType type, QuantRows const& rows) {
  bool const is_fp8 = rows.format.kind == QuantKind::fp8_e4m3;
  for (std::int64_t o = 0; o < rows.rows; ++o) {
    std::int64_t const last = rows.scale_index(o, rows.cols - 1);
    for (std::int64_t at = rows.scale_index(o, 0); at <= last; ++at) {
      float const scale = rows.scales[at];
      if (!is_exactly(type, scale)) {
        throw ConfigError{concat("quantised weights: scale ",
                                 scale,
                                 " (must be finite, and exact as ",
                                 name_of(type),
                                 ')')};
      }
      if (is_fp8 && std::abs(scale) >= fp8_scale_limit) {
        throw ConfigError{concat(
            "quantised weights: scale ", scale, " (must be below ", fp8_scale_limit, " for fp8)")};
      }
    }
  }
}

/// The storage, with the order that codes of such a matrix get.
QuantStorage ordered(ExecContext const& exec,
                     std::int64_t out,
                     std::int64_t in,
                     QuantStorage storage) {
  storage.order = code_order(exec, out, in, storage);
  return storage;
}

}  // namespace

CodeOrder code_order(ExecContext const& exec,
                     std::int64_t out,
                     std::int64_t in,
                     QuantStorage const& storage) {
  bool const are_rows = storage.may_be_rows && exec.device != nullptr &&
                        exec.device->multiplies_code_rows(out, in, storage);
  return are_rows ? CodeOrder::rows : CodeOrder::panels;
}

std::int64_t packed_bytes(ExecContext const& exec, std::int64_t out, std::int64_t in, DType dtype) {
  return packing_operations_of(exec.backend).weight_bytes(out, in, dtype);
}

std::int64_t packed_bytes(ExecContext const& exec,
                          std::int64_t out,
                          std::int64_t in,
                          QuantStorage const& storage) {
  CodeOperations const& codes = packing_operations_of(exec.backend).codes;
  if (codes.bytes == nullptr) {
    return packed_bytes(exec, out, in, DType::f32);
  }
  QuantStorage const chosen = ordered(exec, out, in, storage);
  return chosen.order == CodeOrder::rows ? detail::CodeRows{out, in, chosen}.bytes()
                                         : codes.bytes(out, in, chosen);
}

PackedWeights::PackedWeights(
    ExecContext const& exec, std::int64_t out, std::int64_t in, DType dtype, Contents contents)
    : out_{out}, in_{in}, dtype_{dtype} {
  check_stored_type(dtype);
  detail::check_at_least("weights", "out", out, 0);
  detail::check_at_least("weights", "in", in, 0);
  make_room(exec, packed_bytes(exec, out, in, dtype), contents);
}

PackedWeights::PackedWeights(ExecContext const& exec,
                             std::int64_t out,
                             std::int64_t in,
                             QuantStorage const& storage,
                             Contents contents) {
  check_storage(storage);
  if (packing_operations_of(exec.backend).codes.pack == nullptr) {
    *this = PackedWeights{exec, out, in, DType::f32, contents};
    dequantized_ = storage.format;
    return;
  }
  detail::check_at_least("weights", "out", out, 0);
  detail::check_at_least("weights", "in", in, 0);
  detail::check_at_most("quantised weights", "in", in, max_code_inputs);
  out_ = out;
  in_ = in;
  codes_ = ordered(exec, out, in, storage);
  make_room(exec, packed_bytes(exec, out, in, storage), contents);
}

void PackedWeights::make_room(ExecContext const& exec, std::int64_t bytes, Contents contents) {
  data_ = Buffer<std::byte>{exec, bytes};
  if (contents == Contents::zeros) {
    clear(exec, data_.span());
  }
}

void PackedWeights::set(ExecContext const& exec, MatrixOrigin origin, QuantRows const& rows) {
  detail::check_rows("quantised weights",
                     origin,
                     {nullptr, DType::f32, rows.rows, rows.cols, rows.cols},
                     {out_, in_});
  if (!codes_ && !dequantized_) {
    throw ConfigError{"weights: codes (for a matrix that was not made for codes)"};
  }
  QuantFormat const& format = codes_ ? codes_->format : *dequantized_;
  if (format != rows.format) {
    throw ConfigError{concat("quantised weights: rows of ",
                             name_of(rows.format),
                             " (the matrix is of ",
                             name_of(format),
                             ')')};
  }
  if (rows.rows == 0 || rows.cols == 0) {
    return;
  }
  if (codes_) {
    check_scales(codes_->scales, rows);
    CodeStore const store{data_.data(), in_, *codes_};
    if (codes_->order == CodeOrder::rows) {
      detail::put_code_rows(exec, {out_, in_, *codes_}, data_.data(), origin, rows);
    } else if (shares_memory(exec)) {
      packing_operations_of(exec.backend).codes.pack(store, origin, rows);
    } else {
      detail::upload_codes(exec, store, origin, rows);
    }
    return;
  }
  std::vector<float> values(static_cast<std::size_t>(rows.rows * rows.cols));
  dequantize(rows, {values.data(), rows.rows, rows.cols, rows.cols});
  set(exec,
      origin,
      {reinterpret_cast<std::byte const*>(values.data()),
       DType::f32,
       rows.rows,
       rows.cols,
       rows.cols});
}

void PackedWeights::set(ExecContext const& exec, MatrixOrigin origin, RawRows const& rows) {
  detail::check_rows("weights", origin, rows, {out_, in_});
  if (rows.rows == 0 || rows.cols == 0) {
    return;
  }
  WeightStore const store{data_.data(), in_, dtype_};
  if (shares_memory(exec)) {
    packing_operations_of(exec.backend).pack_rows(exec, store, origin, rows);
  } else {
    detail::upload_as_rows(exec, store, origin, rows);  // devices keep rows
  }
}

}  // namespace talus::kernels
