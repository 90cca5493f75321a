// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantized.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/detail/float8.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/error.hpp"

namespace talus::kernels {
namespace {

constexpr float int8_max = 127.0F;
constexpr float e4m3_max = 448.0F;

// To the nearest bfloat16, that is finite all the same.
float as_bf16(float value) noexcept {
  float const rounded = bf16_to_float(float_to_bf16(value));
  return std::isfinite(rounded) ? rounded : std::copysign(0x1.fep127F, value);
}

// A group's scale and zero point.
struct Scale {
  float scale = 0.0F;
  float zero = 0.0F;
};

float greatest_of(std::span<float const> w) {
  float most = 0.0F;
  for (float const value : w) {
    most = std::max(most, std::abs(value));
  }
  return most;
}

Scale scale_int8(std::span<float const> w) {
  return {as_bf16(greatest_of(w) / int8_max), 0.0F};
}

Scale scale_fp8(std::span<float const> w) {
  float const most = greatest_of(w);
  float const scale = as_bf16(most / e4m3_max);
  if (scale >= fp8_scale_limit) {
    throw ConfigError{concat(
        "quantisation to fp8: a weight of ", most, " (below ", e4m3_max * fp8_scale_limit, ')')};
  }
  return {scale, 0.0F};
}

Scale scale_symmetric(std::span<float const> w) {
  float extreme = 0.0F;
  for (float const value : w) {
    extreme = std::abs(value) > std::abs(extreme) ? value : extreme;
  }
  return {as_bf16(extreme / -8.0F), 8.0F};
}

Scale scale_with_zero(std::span<float const> w) {
  float least = 0.0F;
  float most = 0.0F;
  for (float const value : w) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
  // Each divided for itself: a difference of extremes may overflow.
  float const scale = as_bf16(most / 15.0F - least / 15.0F);
  float const zero = scale == 0.0F ? 0.0F : std::nearbyint(-least / scale);
  return {scale, std::clamp(zero, 0.0F, 15.0F)};
}

Scale scale_of(QuantFormat const& format, std::span<float const> w) {
  if (format.kind == QuantKind::int8) {
    return scale_int8(w);
  }
  if (format.kind == QuantKind::fp8_e4m3) {
    return scale_fp8(w);
  }
  return format.zero_points ? scale_with_zero(w) : scale_symmetric(w);
}

void encode(QuantFormat const& format,
            Scale const& scale,
            std::span<float const> w,
            std::uint8_t* codes) {
  bool const is_int8 = format.kind == QuantKind::int8;
  float const least = is_int8 ? -int8_max : 0.0F;
  float const most = is_int8 ? int8_max : 15.0F;
  // Where all are zero, or too small to have a scale.
  float const divisor = scale.scale == 0.0F ? std::numeric_limits<float>::infinity() : scale.scale;
  if (format.kind == QuantKind::fp8_e4m3) {
    std::transform(w.begin(), w.end(), codes, [divisor](float value) {
      return float_to_e4m3(value / divisor);
    });
    return;
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    float const quotient = detail::nearest_integer(w[i] / divisor);
    float const code = std::clamp(quotient + scale.zero, least, most);
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(code));
  }
}

constexpr std::array<std::string_view, 11> names{"int8",
                                                 "int8-g32",
                                                 "int8-g64",
                                                 "int8-g128",
                                                 "int4-g32",
                                                 "int4-g64",
                                                 "int4-g128",
                                                 "int4-g32-asym",
                                                 "int4-g64-asym",
                                                 "int4-g128-asym",
                                                 "fp8"};

constexpr std::array<QuantFormat, names.size()> formats{{{QuantKind::int8, 0, false, 1},
                                                         {QuantKind::int8, 32, false, 1},
                                                         {QuantKind::int8, 64, false, 1},
                                                         {QuantKind::int8, 128, false, 1},
                                                         {QuantKind::int4, 32, false, 1},
                                                         {QuantKind::int4, 64, false, 1},
                                                         {QuantKind::int4, 128, false, 1},
                                                         {QuantKind::int4, 32, true, 1},
                                                         {QuantKind::int4, 64, true, 1},
                                                         {QuantKind::int4, 128, true, 1},
                                                         {QuantKind::fp8_e4m3, 0, false, 1}}};

std::string_view name_of(QuantKind kind) noexcept {
  switch (kind) {
    case QuantKind::int8:
      return "int8";
    case QuantKind::int4:
      return "int4";
    case QuantKind::fp8_e4m3:
      return "fp8";
    case QuantKind::mxfp4:
      return "mxfp4";
  }
  return "unknown";
}

}  // namespace

float e4m3_to_float(std::uint8_t code) noexcept {
  return detail::value_of_e4m3(code);
}

std::uint8_t float_to_e4m3(float value) noexcept {
  return detail::e4m3_of(value);
}

float e2m1_to_float(std::uint8_t code) noexcept {
  constexpr std::array<float, 16> values{0.0F,
                                         0.5F,
                                         1.0F,
                                         1.5F,
                                         2.0F,
                                         3.0F,
                                         4.0F,
                                         6.0F,
                                         -0.0F,
                                         -0.5F,
                                         -1.0F,
                                         -1.5F,
                                         -2.0F,
                                         -3.0F,
                                         -4.0F,
                                         -6.0F};
  return values[code & 0xFU];
}

float e8m0_to_float(std::uint8_t code) noexcept {
  if (code == 255U) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  return std::ldexp(1.0F, static_cast<int>(code) - 127);
}

float code_value(QuantFormat const& format, std::uint8_t code) noexcept {
  switch (format.kind) {
    case QuantKind::int8:
      return static_cast<float>(static_cast<std::int8_t>(code));
    case QuantKind::int4:
      return static_cast<float>(code) - (format.zero_points ? 0.0F : 8.0F);
    case QuantKind::fp8_e4m3:
      return e4m3_to_float(code);
    case QuantKind::mxfp4:
      return e2m1_to_float(code);
  }
  return 0.0F;
}

void dequantize(QuantRows const& rows, MatrixView<float> out) {
  for (std::int64_t o = 0; o < rows.rows; ++o) {
    std::uint8_t const* const codes = rows.codes + o * rows.code_stride;
    for (std::int64_t i = 0; i < rows.cols; ++i) {
      std::int64_t const at = rows.scale_index(o, i);
      float const zero = rows.format.zero_points ? code_value(rows.format, rows.zeros[at]) : 0.0F;
      out.data[o * out.row_stride + i] =
          rows.scales[at] * (code_value(rows.format, codes[i]) - zero);
    }
  }
}

QuantRows QuantizedMatrix::view(std::int64_t first_row,
                                std::int64_t last_row,
                                std::int64_t first_col,
                                std::int64_t last_col) const noexcept {
  std::int64_t const groups = groups_of(format, cols);
  std::int64_t const group = format.group == 0 ? 0 : first_col / format.group;
  std::int64_t const scale = first_row / format.block_outputs * groups + group;
  QuantRows block;
  block.format = format;
  block.rows = last_row - first_row;
  block.cols = last_col - first_col;
  block.codes = codes.data() + first_row * cols + first_col;
  block.code_stride = cols;
  block.scales = scales.data() + scale;
  block.zeros = zeros.empty() ? nullptr : zeros.data() + scale;
  block.scale_stride = groups;
  block.row_phase = first_row % format.block_outputs;
  block.col_phase = first_col - group * format.group;
  if (format.group == 0) {
    block.col_phase = 0;
  }
  return block;
}

std::int64_t groups_of(QuantFormat const& format, std::int64_t cols) noexcept {
  return format.group == 0 ? 1 : (cols + format.group - 1) / format.group;
}

bool can_quantize(QuantFormat const& format) noexcept {
  bool const is_int8 = format.kind == QuantKind::int8 && !format.zero_points;
  bool const is_known =
      is_int8 || format.kind == QuantKind::int4 || format.kind == QuantKind::fp8_e4m3;
  return is_known && format.block_outputs == 1 && format.group >= 0;
}

QuantizedMatrix quantize(MatrixView<float const> w, QuantFormat const& format) {
  if (!can_quantize(format)) {
    throw ConfigError{
        concat("quantisation to ",
               name_of(format),
               " (only int8 without zero points, int4, and fp8, with one output a scale)")};
  }
  std::int64_t const groups = groups_of(format, w.cols);
  std::int64_t const group = format.group == 0 ? w.cols : format.group;
  QuantizedMatrix result{format, w.rows, w.cols, {}, {}, {}};
  result.codes.resize(static_cast<std::size_t>(w.rows * w.cols));
  result.scales.resize(static_cast<std::size_t>(w.rows * groups));
  result.zeros.resize(format.zero_points ? result.scales.size() : 0);
  for (std::int64_t o = 0; o < w.rows; ++o) {
    for (std::int64_t g = 0; g < groups; ++g) {
      std::int64_t const first = g * group;
      std::int64_t const size = std::min(group, w.cols - first);
      std::span const part{w.data + o * w.row_stride + first, static_cast<std::size_t>(size)};
      Scale const scale = scale_of(format, part);
      auto const at = static_cast<std::size_t>(o * groups + g);
      result.scales[at] = scale.scale;
      if (format.zero_points) {
        result.zeros[at] = static_cast<std::uint8_t>(scale.zero);
      }
      encode(format, scale, part, result.codes.data() + o * w.cols + first);
    }
  }
  return result;
}

std::string name_of(QuantFormat const& format) {
  std::string name{name_of(format.kind)};
  if (format.kind == QuantKind::mxfp4) {
    return name;
  }
  if (format.group > 0) {
    name += concat("-g", format.group);
  }
  if (format.block_outputs > 1) {
    name += concat('x', format.block_outputs);
  }
  return format.zero_points ? name + "-asym" : name;
}

QuantFormat parse_quant_format(std::string_view name, std::string_view what) {
  auto const* const found = std::ranges::find(names, name);
  if (found != names.end()) {
    return formats[static_cast<std::size_t>(found - names.begin())];
  }
  std::string known;
  for (std::string_view const format : names) {
    known += concat(known.empty() ? "" : ", ", format);
  }
  throw ConfigError{concat(what, ": \"", name, "\" (no such format; there are ", known, ')')};
}

std::span<std::string_view const> quant_format_names() noexcept {
  return names;
}

}  // namespace talus::kernels
