// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/checkpoint/detail/flat_json.hpp"
#include "io/files/file_reader.hpp"
#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using nlohmann::json;

constexpr std::int64_t length_bytes = 8;  // the header's length, little-endian, comes first
constexpr std::int64_t max_header_bytes = 100'000'000;  // as the format's own library has it

constexpr std::size_t max_extents = 64;  // of a tensor: as NumPy has it since its version 2

constexpr std::array<std::pair<std::string_view, DType>, 12> dtype_names{{
    {"F64", DType::f64},
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"BF16", DType::bf16},
    {"I64", DType::i64},
    {"I32", DType::i32},
    {"I16", DType::i16},
    {"I8", DType::i8},
    {"U8", DType::u8},
    {"BOOL", DType::boolean},
    {"F8_E4M3", DType::f8_e4m3},
    {"F8_E5M2", DType::f8_e5m2},
}};

std::optional<DType> dtype_of(std::string_view name) {
  auto const* const found =
      std::ranges::find(dtype_names, name, &std::pair<std::string_view, DType>::first);
  return found == dtype_names.end() ? std::nullopt : std::optional{found->second};
}

// The part of a message that says which tensor of which file.
std::string place(SafetensorsHeader const& header, std::string_view tensor) {
  return concat(header.file.string(), ": tensor \"", show_text(tensor), '"');
}

std::int64_t read_header_length(files::FileReader const& reader) {
  auto const name = reader.file().string();
  if (reader.file_bytes() < length_bytes) {
    throw ConfigError{concat(name,
                             ": file of ",
                             reader.file_bytes(),
                             " bytes (expected 8 bytes at offset 0 with the length of a safetensors"
                             " header; truncated?)")};
  }
  std::array<std::byte, length_bytes> raw{};
  reader.read(0, raw);
  std::uint64_t length = 0;
  for (std::size_t i = raw.size(); i-- > 0;) {
    length = (length << 8U) | std::to_integer<std::uint64_t>(raw[i]);
  }
  if (length > static_cast<std::uint64_t>(max_header_bytes)) {
    throw ConfigError{concat(name,
                             ": header length ",
                             length,
                             " at offset 0 (at most ",
                             max_header_bytes,
                             "; not a safetensors file?)")};
  }
  auto const bytes = static_cast<std::int64_t>(length);
  if (bytes > reader.file_bytes() - length_bytes) {
    throw ConfigError{concat(name,
                             ": header of ",
                             bytes,
                             " bytes at offset 8 (the file has ",
                             reader.file_bytes(),
                             " bytes; truncated?)")};
  }
  return bytes;
}

// The field `key` of a tensor's entry, as a list of whole numbers.
std::vector<std::int64_t> numbers_of(json const& entry, char const* key, std::string const& where) {
  auto const field = entry.find(key);
  if (field == entry.end() || !field->is_array()) {
    throw ConfigError{concat(where, ": no \"", key, "\" (expected a list of whole numbers)")};
  }
  if (field->size() > max_extents) {
    throw ConfigError{concat(
        where, ": ", field->size(), " numbers in \"", key, "\" (at most ", max_extents, ')')};
  }
  std::vector<std::int64_t> numbers;
  for (json const& value : *field) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) {
      throw ConfigError{concat(where,
                               ": ",
                               show_json(value),
                               " in \"",
                               key,
                               "\" (expected whole numbers from 0 to ",
                               most,
                               ')')};
    }
    numbers.push_back(value.get<std::int64_t>());
  }
  return numbers;
}

// Bytes of a tensor of this shape. No product of its extents may overflow, even beside an extent of
// 0.
std::int64_t bytes_of_shape(TensorInfo const& tensor, DType dtype, std::string const& where) {
  std::int64_t bytes = size_of(dtype);
  bool empty = false;
  for (std::int64_t const extent : tensor.shape) {
    empty = empty || extent == 0;
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(extent, 1), &bytes)) {
      throw ConfigError{
          concat(where, ": shape ", format_shape(tensor.shape), " (overflows 64-bit sizes)")};
    }
  }
  return empty ? 0 : bytes;
}

void check_offsets(SafetensorsHeader const& header,
                   TensorInfo const& tensor,
                   std::vector<std::int64_t> const& offsets,
                   std::string const& where) {
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw ConfigError{concat(where,
                             ": data_offsets ",
                             format_shape(offsets),
                             " (expected two, [first byte, end], in this order)")};
  }
  if (offsets[1] > header.file_bytes - header.data_offset) {
    throw ConfigError{concat(where,
                             ": data_offsets ",
                             format_shape(offsets),
                             " from offset ",
                             header.data_offset,
                             " on end outside of the file,"
                             " which has ",
                             header.file_bytes,
                             " bytes (expected ",
                             header.data_offset,
                             " + ",
                             offsets[1],
                             " or more; truncated?)")};
  }
  // How packed types are sized is not known here; their extents must be sane all the same.
  auto const expected = bytes_of_shape(tensor, tensor.dtype.value_or(DType::u8), where);
  if (tensor.dtype && offsets[1] - offsets[0] != expected) {
    throw ConfigError{concat(where,
                             ": data_offsets ",
                             format_shape(offsets),
                             " hold ",
                             offsets[1] - offsets[0],
                             " bytes at offset ",
                             header.data_offset + offsets[0],
                             " (expected ",
                             expected,
                             " for ",
                             tensor.dtype_name,
                             ' ',
                             format_shape(tensor.shape),
                             ')')};
  }
}

TensorInfo tensor_of(SafetensorsHeader const& header, std::string const& name, json const& entry) {
  auto const where = place(header, name);
  if (!entry.is_object()) {
    throw ConfigError{
        concat(where,
               ": ",
               entry.type_name(),
               " in the header (expected an object with dtype, shape, data_offsets)")};
  }
  auto const dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    throw ConfigError{concat(where, ": no \"dtype\" (expected a name such as \"BF16\")")};
  }
  TensorInfo tensor;
  tensor.name = name;
  tensor.dtype_name = dtype->get<std::string>();
  tensor.dtype = dtype_of(tensor.dtype_name);
  tensor.shape = numbers_of(entry, "shape", where);
  auto const offsets = numbers_of(entry, "data_offsets", where);
  check_offsets(header, tensor, offsets, where);
  tensor.offset = header.data_offset + offsets[0];
  tensor.bytes = offsets[1] - offsets[0];
  return tensor;
}

// Sorted by offset, the tensors must follow one another up to the end of the file.
void check_cover(SafetensorsHeader const& header) {
  std::int64_t expected = header.data_offset;
  std::string_view before = "the header";
  for (TensorInfo const& tensor : header.tensors) {
    if (tensor.offset != expected) {
      throw ConfigError{
          concat(place(header, tensor.name),
                 ": begins at offset ",
                 tensor.offset,
                 tensor.offset < expected ? ", overlapping " : ", leaving a hole after ",
                 before,
                 " (expected offset ",
                 expected,
                 ')')};
    }
    expected = tensor.offset + tensor.bytes;
    before = tensor.name;
  }
  if (expected != header.file_bytes) {
    throw ConfigError{concat(header.file.string(),
                             ": ",
                             header.file_bytes - expected,
                             " bytes at offset ",
                             expected,
                             " belong to no tensor (expected the end"
                             " of the file after ",
                             before,
                             ')')};
  }
}

}  // namespace

std::int64_t TensorInfo::rows() const noexcept {
  return shape.empty() ? 1 : shape.front();
}

std::int64_t TensorInfo::columns() const noexcept {
  std::int64_t columns = 1;
  for (std::size_t i = 1; i < shape.size(); ++i) {
    columns *= shape[i];
  }
  return columns;
}

std::string format_shape(std::vector<std::int64_t> const& shape) {
  std::string text = "[";
  for (std::int64_t const extent : shape) {
    text += concat(text.size() > 1 ? ", " : "", extent);
  }
  return text + ']';
}

SafetensorsHeader read_safetensors_header(std::filesystem::path const& file) {
  files::FileReader const reader{file};
  auto const header_bytes = read_header_length(reader);
  std::string text(static_cast<std::size_t>(header_bytes), '\0');
  reader.read(length_bytes, std::as_writable_bytes(std::span{text}));

  auto const source = concat(file.string(), ": header of ", header_bytes, " bytes at offset 8");
  json const entries = detail::parse_flat_json(text, source);
  if (!entries.is_object()) {
    throw ConfigError{
        concat(source,
               ": ",
               entries.type_name(),
               " (expected an object from tensor names to dtype, shape, data_offsets)")};
  }
  SafetensorsHeader header{file, reader.file_bytes(), length_bytes + header_bytes, {}};
  for (auto const& [name, entry] : entries.items()) {
    if (name != "__metadata__") {
      header.tensors.push_back(tensor_of(header, name, entry));
    }
  }
  // A tensor without bytes comes before the one at the same offset.
  std::ranges::sort(header.tensors, {}, [](TensorInfo const& tensor) {
    return std::pair{tensor.offset, tensor.bytes};
  });
  check_cover(header);
  return header;
}

}  // namespace talus::io
