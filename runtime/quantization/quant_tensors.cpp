// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/quant_tensors.hpp"

#include <algorithm>
#include <array>

#include "runtime/base/rounding.hpp"

namespace talus::runtime {
namespace {

/// Words or blocks of `n` that hold the elements of a range.
constexpr Range units_of(Range range, std::int64_t n) {
  return {range.first / n, ceil_div(range.last, n)};
}

std::int64_t num_groups(CheckpointQuantization const& quantization, std::int64_t in) {
  return kernels::groups_of(quantization.format, in);
}

std::int64_t num_scale_rows(CheckpointQuantization const& quantization, std::int64_t out) {
  return quantization.one_scale ? 1 : ceil_div(out, quantization.format.block_outputs);
}

bool ends_with_weight(std::string const& name) {
  return name.ends_with(".weight");
}

}  // namespace

QuantPlace quant_place(TensorBlock const& block) {
  if (block.stacked_cols > 0) {
    std::int64_t const in = block.tensor_cols / block.stacked_cols;
    return {block.name,
            block.stacked_cols,
            in,
            {0, block.stacked_cols},
            {0, in},
            block.tensor_rows,
            block.rows.first};
  }
  constexpr std::string_view suffix = ".weight";
  std::string const module = ends_with_weight(block.name)
                                 ? block.name.substr(0, block.name.size() - suffix.size())
                                 : block.name;
  return {module, block.tensor_rows, block.tensor_cols, block.rows, block.cols};
}

ScaleExtent scale_extent(CheckpointQuantization const& quantization, QuantPlace const& place) {
  kernels::QuantFormat const& format = quantization.format;
  Range groups{0, num_groups(quantization, place.in)};
  if (format.group > 0 && !quantization.act_order) {
    groups = units_of(place.cols, format.group);
  }
  Range const rows =
      quantization.one_scale ? Range{0, 1} : units_of(place.rows, format.block_outputs);
  return {rows, groups};
}

bool scales_are_transposed(QuantLayout layout) noexcept {
  return layout == QuantLayout::gptq || layout == QuantLayout::awq;
}

TensorPart scales_of(CheckpointQuantization const& quantization, QuantPlace const& place) {
  auto const [rows, groups] = scale_extent(quantization, place);
  std::int64_t const all_rows = num_scale_rows(quantization, place.out);
  std::int64_t const all_groups = num_groups(quantization, place.in);
  switch (quantization.layout) {
    case QuantLayout::gptq:
    case QuantLayout::awq:
      return {place.module + ".scales", {all_groups, all_rows}, groups, rows};
    case QuantLayout::words:
    case QuantLayout::bytes:
      return {place.module + ".weight_scale", {all_rows, all_groups}, rows, groups};
    case QuantLayout::blocks:
      return {place.module + ".weight_scale_inv", {all_rows, all_groups}, rows, groups};
    case QuantLayout::stacked:
      break;
  }
  Range const one{place.index, place.index + 1};
  std::int64_t const size = all_rows * all_groups;
  return {place.module + "_scales", {place.num_stacked, size}, one, {0, size}};
}

TensorPart zeros_of(CheckpointQuantization const& quantization, QuantPlace const& place) {
  auto const [rows, groups] = scale_extent(quantization, place);
  std::int64_t const n = 32 / quantization.bits();
  std::int64_t const all_groups = num_groups(quantization, place.in);
  if (scales_are_transposed(quantization.layout)) {
    return {
        place.module + ".qzeros", {all_groups, ceil_div(place.out, n)}, groups, units_of(rows, n)};
  }
  std::string const name = place.module + ".weight_zero_point";
  if (quantization.layout == QuantLayout::words) {
    return {name, {ceil_div(place.out, n), all_groups}, units_of(rows, n), groups};
  }
  return {name, {num_scale_rows(quantization, place.out), all_groups}, rows, groups};
}

TensorPart input_groups_of(CheckpointQuantization const& quantization, QuantPlace const& place) {
  bool const is_gptq = quantization.layout == QuantLayout::gptq;
  return {place.module + (is_gptq ? ".g_idx" : ".weight_g_idx"), {place.in, 1}, place.cols, {0, 1}};
}

TensorPart codes_of(CheckpointQuantization const& quantization, QuantPlace const& place) {
  std::int64_t const n = 32 / quantization.bits();
  switch (quantization.layout) {
    case QuantLayout::gptq:
      return {place.module + ".qweight",
              {ceil_div(place.in, n), place.out},
              units_of(place.cols, n),
              place.rows};
    case QuantLayout::awq:
      return {place.module + ".qweight",
              {place.in, ceil_div(place.out, n)},
              place.cols,
              units_of(place.rows, n)};
    case QuantLayout::words:
      return {place.module + ".weight_packed",
              {place.out, ceil_div(place.in, n)},
              place.rows,
              units_of(place.cols, n)};
    case QuantLayout::bytes:
    case QuantLayout::blocks:
      return {place.module + ".weight", {place.out, place.in}, place.rows, place.cols};
    case QuantLayout::stacked:
      break;
  }
  std::int64_t const bytes = place.out * place.in / 2;
  return {place.module + "_blocks",
          {place.num_stacked, bytes},
          {place.index, place.index + 1},
          {0, bytes}};
}

std::int64_t elements_in(CheckpointQuantization const& quantization,
                         io::TensorInfo const& tensor) noexcept {
  constexpr std::array beside = {".scales",
                                 ".qzeros",
                                 ".g_idx",
                                 "_scale",
                                 "_scale_inv",
                                 "_scales",
                                 "_zero_point",
                                 "_shape",
                                 "_g_idx"};
  auto const ends_so = [&](char const* ending) { return tensor.name.ends_with(ending); };
  if (std::ranges::any_of(beside, ends_so)) {
    return 0;
  }
  std::int64_t const stored = tensor.rows() * tensor.columns();
  if (ends_so(".qweight") || ends_so(".weight_packed")) {
    return stored * 32 / quantization.bits();
  }
  return ends_so("_blocks") ? stored * 2 : stored;
}

DType usual_scale_type(CheckpointQuantization const& quantization) noexcept {
  switch (quantization.layout) {
    case QuantLayout::gptq:
    case QuantLayout::awq:
      return DType::f16;
    case QuantLayout::words:
    case QuantLayout::bytes:
    case QuantLayout::stacked:
      return DType::bf16;
    case QuantLayout::blocks:
      break;
  }
  return DType::f32;
}

DType stored_scale_type(CheckpointQuantization const& quantization, DType stored) noexcept {
  if (quantization.layout == QuantLayout::stacked) {
    return DType::bf16;  // powers of two
  }
  return stored == DType::f16 || stored == DType::bf16 ? stored : DType::f32;
}

std::vector<std::string> names_of(CheckpointQuantization const& quantization,
                                  QuantPlace const& place) {
  std::vector<std::string> names{codes_of(quantization, place).name,
                                 scales_of(quantization, place).name};
  if (quantization.stored_zeros) {
    names.push_back(zeros_of(quantization, place).name);
  }
  if (quantization.act_order) {
    names.push_back(input_groups_of(quantization, place).name);
  }
  return names;
}

std::vector<std::string> spare_names_of(CheckpointQuantization const& quantization,
                                        QuantPlace const& place) {
  switch (quantization.layout) {
    case QuantLayout::gptq:
      return {place.module + ".g_idx"};
    case QuantLayout::words:
      return {place.module + ".weight_shape"};
    default:
      return {};
  }
}

}  // namespace talus::runtime
