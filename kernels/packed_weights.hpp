// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernels/buffer.hpp"
#include "kernels/exec_context.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/dtype.hpp"

namespace talus::kernels {

/// Rows of a matrix as a checkpoint stores them.
struct RawRows {
  std::byte const* data = nullptr;
  DType dtype = DType::f32;  ///< f32, f16, bf16 or f64
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;  ///< elements from one row to the next, >= cols
};

/// Where `RawRows` go in a matrix.
struct MatrixOrigin {
  std::int64_t row = 0;
  std::int64_t col = 0;
};

/// How the codes of a quantised matrix lie.
enum class CodeOrder : std::uint8_t {
  panels,  ///< as the backend's own kernels want them
  rows,    ///< [out, in], then scales: as a device's library wants them (detail/code_rows.hpp)
};

/// How quantised weights are kept.
struct QuantStorage {
  QuantFormat format;
  DType scales = DType::f32;   ///< f32, or f16 or bf16 if all scales are exactly that
  std::int64_t col_phase = 0;  ///< input 0's place in its group, a multiple of quant_chunk
  /// Whether only matmul and matmul_leaves take the matrix, and outputs that share scales are
  /// [k block_outputs, (k + 1) block_outputs) of it.
  bool may_be_rows = false;
  CodeOrder order = CodeOrder::panels;  ///< chosen with the room for a matrix

  friend bool operator==(QuantStorage const&, QuantStorage const&) = default;
};

/// What new weights hold.
enum class Contents {
  zeros,
  undefined,  ///< for who fills all of memory() next
};

/// The weights of a linear map, [out, in], packed for one backend, once, at load.
///
/// The fast backends keep panels of `panel_outputs` outputs: panel after panel, in each the `in`
/// axis in order, for each of its elements, or each two of bfloat16, the panel's outputs side by
/// side (the last panel padded with zeros). So the vector lanes are outputs, and a sum's order
/// along `in` is the same for one row of input and for five hundred. The reference backend keeps
/// the matrix as it is. Quantised weights stay codes with their scales where the backend computes
/// with those; where not (the reference), they are dequantised to f32 as they come.
class PackedWeights {
 public:
  static constexpr std::int64_t panel_outputs = 16;

  PackedWeights() = default;

  /// Makes room for a matrix, of zeros unless told.
  ///
  /// \param dtype  f32 or bf16, what is stored
  PackedWeights(ExecContext const& exec,
                std::int64_t out,
                std::int64_t in,
                DType dtype,
                Contents contents = Contents::zeros);

  /// Makes room for a quantised matrix; what is never set counts as zero. Its codes lie in rows
  /// where they may and the context's device has a library that takes them.
  ///
  /// \throws ConfigError  if a scale can't be stored so, or groups and phase are no multiples of
  ///                      quant_chunk
  PackedWeights(ExecContext const& exec,
                std::int64_t out,
                std::int64_t in,
                QuantStorage const& storage,
                Contents contents = Contents::zeros);

  /// Packs quantised rows at `origin`: of the storage's format, each scale exactly of its type.
  ///
  /// \pre the rows lie inside the matrix
  /// Safe from several threads for disjoint ranges of rows that share no panel.
  void set(ExecContext const& exec, MatrixOrigin origin, QuantRows const& rows);

  /// Converts rows to dtype() (rounding to nearest even) and packs them at `origin`.
  ///
  /// \pre the rows lie inside the matrix
  /// Safe from several threads for disjoint ranges of rows that share no panel.
  void set(ExecContext const& exec, MatrixOrigin origin, RawRows const& rows);

  [[nodiscard]] std::int64_t out() const noexcept { return out_; }

  [[nodiscard]] std::int64_t in() const noexcept { return in_; }

  /// What is stored, f32 or bf16; of codes, what they are dequantised to: f32.
  [[nodiscard]] DType dtype() const noexcept { return dtype_; }

  /// How the codes are kept; nothing for weights that aren't codes here.
  [[nodiscard]] std::optional<QuantStorage> const& codes() const noexcept { return codes_; }

  [[nodiscard]] std::int64_t bytes() const noexcept { return data_.bytes(); }

  [[nodiscard]] std::byte const* data() const noexcept { return data_.data(); }

  /// The packed bytes, for who stores them or puts stored ones back: see packing_hash.
  [[nodiscard]] std::span<std::byte> memory() noexcept { return data_.span(); }

 private:
  void make_room(ExecContext const& exec, std::int64_t bytes, Contents contents);

  std::int64_t out_ = 0;
  std::int64_t in_ = 0;
  DType dtype_ = DType::f32;
  std::optional<QuantStorage> codes_;       ///< kept as codes
  std::optional<QuantFormat> dequantized_;  ///< given as codes, kept as f32
  Buffer<std::byte> data_;
};

/// Bytes that PackedWeights(exec, out, in, dtype) takes, for a memory budget before loading.
[[nodiscard]] std::int64_t packed_bytes(ExecContext const& exec,
                                        std::int64_t out,
                                        std::int64_t in,
                                        DType dtype);

/// Bytes that PackedWeights(exec, out, in, storage) takes.
[[nodiscard]] std::int64_t packed_bytes(ExecContext const& exec,
                                        std::int64_t out,
                                        std::int64_t in,
                                        QuantStorage const& storage);

}  // namespace talus::kernels
