// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/scale_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "io/checkpoint/convert.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

io::TensorDemand demand_of(TensorPart const& part) {
  io::TensorDemand demand;
  demand.name = part.name;
  demand.rows = {part.rows.first, part.rows.last};
  demand.columns = {part.cols.first, part.cols.last};
  demand.expected = part.shape;
  return demand;
}

void check_dtype(io::TensorPiece const& piece, DType wanted, std::string const& name) {
  if (piece.dtype != wanted) {
    throw ConfigError{concat("tensor ",
                             name,
                             ": ",
                             name_of(piece.dtype),
                             " (expected ",
                             name_of(wanted),
                             " by quantization_config)")};
  }
}

/// Place in the table of element (row, group) of all scales.
std::size_t place_of(ScaleTable const& table, std::int64_t row, std::int64_t group) {
  return static_cast<std::size_t>((row - table.extent.rows.first) * table.extent.groups.size() +
                                  group - table.extent.groups.first);
}

/// A piece of a stack's scales, one row of which is a whole matrix.
void put_exponents(ScaleTable& table, io::TensorPiece const& piece, std::string const& name) {
  check_dtype(piece, DType::u8, name);
  for (std::int64_t i = 0; i < piece.cols; ++i) {
    auto const code = std::to_integer<std::uint8_t>(piece.data[i]);
    if (code == 255) {
      throw ConfigError{concat("tensor ", name, ": a scale is NaN (expected finite weights)")};
    }
    table.scales[static_cast<std::size_t>(i)] = kernels::e8m0_to_float(code);
  }
}

void put_scales(ScaleTable& table, TensorPart const& part, io::TensorPiece const& piece) {
  std::vector<float> values(static_cast<std::size_t>(piece.rows * piece.cols));
  io::convert_to_float(piece, {values.data(), piece.rows, piece.cols, piece.cols});
  bool const is_transposed = scales_are_transposed(table.quantization.layout);
  for (std::int64_t i = 0; i < piece.rows; ++i) {
    for (std::int64_t j = 0; j < piece.cols; ++j) {
      std::int64_t const row = piece.first_row + i;
      std::int64_t const col = part.cols.first + j;
      std::size_t const at = is_transposed ? place_of(table, col, row) : place_of(table, row, col);
      table.scales[at] = values[static_cast<std::size_t>(i * piece.cols + j)];
    }
  }
}

/// Which axis of a tensor of zero points is the scales' rows, and how it is packed.
struct ZeroPacking {
  CodePacking packing = CodePacking::bytes;
  bool groups_first = false;  ///< the unpacked tile is [groups, scale rows]
};

ZeroPacking zero_packing(QuantLayout layout) {
  switch (layout) {
    case QuantLayout::gptq:
      return {CodePacking::words_right, true};
    case QuantLayout::awq:
      return {CodePacking::interleaved, false};
    case QuantLayout::words:
      return {CodePacking::words_down, true};
    default:
      return {CodePacking::bytes, false};
  }
}

/// The zero point that a code stands for where none is stored.
std::uint8_t middle_of(kernels::QuantFormat const& format) {
  return format.kind == kernels::QuantKind::int4 ? 8 : 0;
}

void put_zeros(ScaleTable& table, std::string const& name, io::TensorPiece const& piece) {
  CheckpointQuantization const& quantization = table.quantization;
  auto const [packing, groups_first] = zero_packing(quantization.layout);
  check_dtype(piece, packing == CodePacking::bytes ? DType::i8 : DType::i32, name);
  CodeTile wanted{table.extent.rows, table.extent.groups, {}};
  if (groups_first) {
    std::swap(wanted.rows, wanted.cols);
  }
  CodeTile const tile = unpack(piece, packing, quantization.bits(), wanted);
  std::uint8_t const mask = quantization.bits() == 4 ? 0x0F : 0xFF;
  for (std::int64_t i = 0; i < tile.rows.size(); ++i) {
    for (std::int64_t j = 0; j < tile.cols.size(); ++j) {
      auto const stored = tile.codes[static_cast<std::size_t>(i * tile.cols.size() + j)];
      auto const zero =
          static_cast<std::uint8_t>((stored + (quantization.zeros_less_one ? 1U : 0U)) & mask);
      std::int64_t const row = groups_first ? tile.cols.first + j : tile.rows.first + i;
      std::int64_t const group = groups_first ? tile.rows.first + i : tile.cols.first + j;
      if (quantization.format.zero_points) {
        table.zeros[place_of(table, row, group)] = zero;
      } else if (zero != middle_of(quantization.format)) {
        throw ConfigError{concat("tensor ",
                                 name,
                                 ": a zero point of ",
                                 int{zero},
                                 " (quantization_config says that the codes are symmetric)")};
      }
    }
  }
}

void put_input_groups(ScaleTable& table, std::string const& name, io::TensorPiece const& piece) {
  check_dtype(piece, DType::i32, name);
  for (std::int64_t i = 0; i < piece.rows; ++i) {
    std::int32_t group = 0;
    std::memcpy(&group, piece.data + i * piece.row_stride * 4, sizeof(group));
    if (group < 0 || group >= table.extent.groups.last) {
      throw ConfigError{concat("tensor ",
                               name,
                               ": group ",
                               group,
                               " (expected 0 to ",
                               table.extent.groups.last - 1,
                               ')')};
    }
    table.input_groups[static_cast<std::size_t>(piece.first_row + i - table.place.cols.first)] =
        group;
  }
}

CodePacking code_packing(QuantLayout layout) {
  switch (layout) {
    case QuantLayout::gptq:
      return CodePacking::words_down;
    case QuantLayout::awq:
      return CodePacking::interleaved;
    case QuantLayout::words:
      return CodePacking::words_right;
    default:
      return CodePacking::bytes;
  }
}

DType code_dtype(CheckpointQuantization const& quantization) {
  if (quantization.layout == QuantLayout::stacked) {
    return DType::u8;
  }
  if (quantization.format.kind == kernels::QuantKind::fp8_e4m3) {
    return DType::f8_e4m3;
  }
  return quantization.layout == QuantLayout::bytes ? DType::i8 : DType::i32;
}

void refuse_nan(CodeTile const& tile, std::string const& name) {
  auto const is_nan = [](std::uint8_t code) { return (code & 0x7FU) == 0x7FU; };
  if (std::ranges::any_of(tile.codes, is_nan)) {
    throw ConfigError{concat("tensor ", name, ": an element is NaN (expected finite weights)")};
  }
}

/// A scale for each element, looked up by the element's input.
struct SpreadScales {
  std::vector<float> scales;
  std::vector<std::uint8_t> zeros;
};

SpreadScales spread_scales(ScaleTable const& table, CodeTile const& tile) {
  SpreadScales spread;
  for (std::int64_t o = tile.rows.first; o < tile.rows.last; ++o) {
    for (std::int64_t i = tile.cols.first; i < tile.cols.last; ++i) {
      std::int64_t const group =
          table.input_groups[static_cast<std::size_t>(i - table.place.cols.first)];
      std::size_t const at = place_of(table, o, group);
      spread.scales.push_back(table.scales[at]);
      if (!table.zeros.empty()) {
        spread.zeros.push_back(table.zeros[at]);
      }
    }
  }
  return spread;
}

/// Codes with their scales, but for these.
kernels::QuantRows bare_rows(ScaleTable const& table, CodeTile const& tile) {
  kernels::QuantRows rows;
  rows.format = table.quantization.format;
  rows.rows = tile.rows.size();
  rows.cols = tile.cols.size();
  rows.codes = tile.codes.data();
  rows.code_stride = tile.cols.size();
  return rows;
}

void hand_over(ScaleTable const& table, CodeTile const& tile, QuantSink const& sink) {
  if (tile.codes.empty()) {
    return;
  }
  kernels::QuantRows rows = bare_rows(table, tile);
  kernels::MatrixOrigin const origin{tile.rows.first - table.place.rows.first,
                                     tile.cols.first - table.place.cols.first};
  if (table.quantization.act_order) {
    SpreadScales const spread = spread_scales(table, tile);
    rows.format.group = 1;
    rows.scales = spread.scales.data();
    rows.zeros = spread.zeros.empty() ? nullptr : spread.zeros.data();
    rows.scale_stride = rows.cols;
    sink(rows, origin);
    return;
  }
  bool const one_scale = table.quantization.one_scale;
  std::int64_t const block = rows.format.block_outputs;
  std::int64_t const group = rows.format.group == 0 ? 0 : tile.cols.first / rows.format.group;
  std::size_t const at = place_of(table, one_scale ? 0 : tile.rows.first / block, group);
  rows.scales = table.scales.data() + at;
  rows.zeros = table.zeros.empty() ? nullptr : table.zeros.data() + at;
  rows.scale_stride = one_scale ? 0 : table.extent.groups.size();
  rows.row_phase = tile.rows.first % block;
  rows.col_phase = tile.cols.first - group * rows.format.group;
  if (rows.format.group == 0) {
    rows.col_phase = 0;
  }
  sink(rows, origin);
}

// Codes that are unpacked at a time: some cache's worth, and an even number of rows of a stack.
constexpr std::int64_t tile_codes = std::int64_t{1} << 18;

void take_stacked(ScaleTable const& table, io::TensorPiece const& piece, QuantSink const& sink) {
  std::int64_t const in = table.place.in;
  std::int64_t const step = std::max<std::int64_t>(2, tile_codes / in / 2 * 2);
  CodeTile tile;
  tile.cols = {0, in};
  for (std::int64_t o = 0; o < table.place.out; o += step) {
    tile.rows = {o, std::min(o + step, table.place.out)};
    std::int64_t const count = tile.rows.size() * in;
    tile.codes.resize(static_cast<std::size_t>(count));
    unpack_pairs(piece.data + o * in / 2, count, tile.codes.data());
    hand_over(table, tile, sink);
  }
}

void take_codes(ScaleTable const& table,
                std::string const& name,
                io::TensorPiece const& piece,
                QuantSink const& sink) {
  CheckpointQuantization const& quantization = table.quantization;
  check_dtype(piece, code_dtype(quantization), name);
  if (quantization.layout == QuantLayout::stacked) {
    take_stacked(table, piece, sink);
    return;
  }
  CodeTile const wanted{table.place.rows, table.place.cols, {}};
  std::int64_t const codes_a_row =
      std::max<std::int64_t>(1, piece.cols * size_of(piece.dtype) * 8 / quantization.bits());
  std::int64_t const step = std::max<std::int64_t>(1, tile_codes / codes_a_row);
  for (std::int64_t row = 0; row < piece.rows; row += step) {
    io::TensorPiece strip = piece;
    strip.first_row += row;
    strip.rows = std::min(step, piece.rows - row);
    strip.data += row * piece.row_stride * size_of(piece.dtype);
    CodeTile const tile =
        unpack(strip, code_packing(quantization.layout), quantization.bits(), wanted);
    if (quantization.format.kind == kernels::QuantKind::fp8_e4m3) {
      refuse_nan(tile, name);
    }
    hand_over(table, tile, sink);
  }
}

}  // namespace

std::shared_ptr<ScaleTable const> demand_scales(CheckpointQuantization const& quantization,
                                                QuantPlace const& place,
                                                std::vector<io::TensorDemand>& demands) {
  auto const table = std::make_shared<ScaleTable>(
      ScaleTable{quantization, place, scale_extent(quantization, place), {}, {}, {}});
  auto const size =
      static_cast<std::size_t>(table->extent.rows.size() * table->extent.groups.size());
  table->scales.resize(size);
  TensorPart const scales = scales_of(quantization, place);
  demands.push_back(demand_of(scales));
  demands.back().sink = [table, scales](io::TensorPiece const& piece) {
    if (table->quantization.layout == QuantLayout::stacked) {
      put_exponents(*table, piece, scales.name);
    } else {
      put_scales(*table, scales, piece);
    }
  };
  if (quantization.stored_zeros) {
    table->zeros.resize(quantization.format.zero_points ? size : 0);
    TensorPart const zeros = zeros_of(quantization, place);
    demands.push_back(demand_of(zeros));
    demands.back().sink = [table, name = zeros.name](io::TensorPiece const& piece) {
      put_zeros(*table, name, piece);
    };
  }
  if (quantization.act_order) {
    table->input_groups.resize(static_cast<std::size_t>(place.cols.size()));
    TensorPart const groups = input_groups_of(quantization, place);
    demands.push_back(demand_of(groups));
    demands.back().sink = [table, name = groups.name](io::TensorPiece const& piece) {
      put_input_groups(*table, name, piece);
    };
  }
  return table;
}

io::TensorDemand demand_codes(std::shared_ptr<ScaleTable const> table, QuantSink sink) {
  TensorPart const codes = codes_of(table->quantization, table->place);
  io::TensorDemand demand = demand_of(codes);
  demand.sink = [table = std::move(table), name = codes.name, sink = std::move(sink)](
                    io::TensorPiece const& piece) { take_codes(*table, name, piece, sink); };
  return demand;
}

}  // namespace talus::runtime
