// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/dtype.hpp"

namespace talus::io {

/// Where one tensor lies, as the header of its file says and as read_safetensors_header checked.
struct TensorInfo {
  std::string name;
  std::optional<DType> dtype;  ///< empty if the file's name for it is none that Talus computes with
  std::string dtype_name;      ///< as in the file: "BF16", "F8_E8M0", ...
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  ///< of the first byte, from the start of the file
  std::int64_t bytes = 0;
  std::int32_t file = 0;  ///< index into Checkpoint::files(); 0 where there is but one file

  /// The tensor seen as a matrix [rows, columns]: rows = shape[0] (1 for a scalar).
  [[nodiscard]] std::int64_t rows() const noexcept;

  /// Elements in a row: the product of shape[1] and all that follow it (1 for a vector or scalar).
  [[nodiscard]] std::int64_t columns() const noexcept;
};

/// What the header of a safetensors file says.
struct SafetensorsHeader {
  std::filesystem::path file;
  std::int64_t file_bytes = 0;
  std::int64_t data_offset = 0;  ///< where tensor data begins, from the start of the file
  std::vector<TensorInfo>
      tensors;  ///< in the order of their data; cover it without hole or overlap
};

/// Reads and checks the header of one safetensors file; no tensor data is read.
///
/// A dtype that Talus doesn't know is kept, with `dtype` empty: listing such a file is no error.
///
/// \throws ConfigError  naming file, tensor, offset and what was expected, if the file can't be
/// read,
///                      its header is longer than the file or 100 MB or not valid JSON, a tensor
///                      lacks a field or has one of a wrong type, its offsets lie outside of the
///                      file (truncated) or don't fit its shape and dtype, or tensors overlap,
///                      leave a hole or share a name
[[nodiscard]] SafetensorsHeader read_safetensors_header(std::filesystem::path const& file);

/// "[32000, 2048]", as messages print a shape.
[[nodiscard]] std::string format_shape(std::vector<std::int64_t> const& shape);

}  // namespace talus::io
