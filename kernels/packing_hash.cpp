// SPDX-License-Identifier: Apache-2.0
#include "kernels/packing_hash.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/packed_weights.hpp"

namespace talus::kernels {
namespace {

// Some panels, the last one not full; some chunks of codes, the last one not full either.
constexpr std::int64_t num_outputs = 72;
constexpr std::int64_t num_inputs = 328;

/// FNV-1a.
class Hash {
 public:
  void add(std::span<std::byte const> bytes) noexcept {
    for (std::byte const byte : bytes) {
      value_ = (value_ ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3U;
    }
  }

  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

/// A number for each place, such that none of its neighbours has the same.
constexpr std::uint32_t number_at(std::size_t place) {
  return static_cast<std::uint32_t>(place * 2654435761U) >> 24U;
}

void add_numbers(ExecContext const& exec, DType dtype, Hash& hash) {
  std::vector<float> values(static_cast<std::size_t>(num_outputs * num_inputs));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(number_at(i));  // exact in bfloat16
  }
  PackedWeights weights{exec, num_outputs, num_inputs, dtype};
  weights.set(exec,
              {},
              {reinterpret_cast<std::byte const*>(values.data()),
               DType::f32,
               num_outputs,
               num_inputs,
               num_inputs});
  hash.add(weights.memory());
}

void add_codes(ExecContext const& exec, QuantStorage const& storage, Hash& hash) {
  QuantFormat const& format = storage.format;
  bool const is_narrow = format.kind == QuantKind::int4 || format.kind == QuantKind::mxfp4;
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(num_outputs * num_inputs));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<std::uint8_t>(number_at(i) >> (is_narrow ? 4U : 1U));  // none is a NaN
  }
  std::int64_t const groups = groups_of(format, num_inputs + storage.col_phase);
  std::vector<float> scales(static_cast<std::size_t>(num_outputs * groups));
  std::vector<std::uint8_t> zeros(scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    scales[i] = static_cast<float>(1U << number_at(i) % 8U);  // exact in every type
    zeros[i] = static_cast<std::uint8_t>(number_at(i + 1) >> 4U);
  }
  PackedWeights weights{exec, num_outputs, num_inputs, storage};
  weights.set(exec,
              {},
              {.format = format,
               .rows = num_outputs,
               .cols = num_inputs,
               .codes = codes.data(),
               .code_stride = num_inputs,
               .scales = scales.data(),
               .zeros = format.zero_points ? zeros.data() : nullptr,
               .scale_stride = groups,
               .row_phase = 0,
               .col_phase = storage.col_phase});
  hash.add(weights.memory());
}

}  // namespace

std::uint64_t packing_hash(ExecContext const& exec) {
  ExecContext own = exec;
  own.memory = nullptr;
  own.device = nullptr;  // what it gets is packed on the host
  Hash hash;
  add_numbers(own, DType::f32, hash);
  add_numbers(own, DType::bf16, hash);
  constexpr std::array formats = {QuantFormat{QuantKind::int8},
                                  QuantFormat{QuantKind::int8, 64},
                                  QuantFormat{QuantKind::int8, 64, true},
                                  QuantFormat{QuantKind::int4, 64},
                                  QuantFormat{QuantKind::int4, 64, true},
                                  QuantFormat{QuantKind::fp8_e4m3, 128},
                                  QuantFormat{QuantKind::mxfp4, 32}};
  for (QuantFormat const& format : formats) {
    for (DType const scales : {DType::f32, DType::bf16}) {
      add_codes(own, {format, scales, format.group > quant_chunk ? quant_chunk : 0}, hash);
    }
  }
  return hash.value();
}

}  // namespace talus::kernels
