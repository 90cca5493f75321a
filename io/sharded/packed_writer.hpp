// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "io/sharded/manifest.hpp"

namespace talus::io {

/// Bytes of a tensor that the writer gives one checksum, and that are read at a time.
inline constexpr std::int64_t packed_chunk_bytes = std::int64_t{16} << 20;

/// A tensor from which on it begins at a page of the file, and is read straight to its place.
inline constexpr std::int64_t large_tensor_bytes = std::int64_t{1} << 20;

/// A tensor to be written: as PackedTensor.
struct PackedSource {
  std::string name;
  std::string type;
  std::string scales;
  std::span<std::byte const> bytes;
  /// Where the bytes aren't in the host's memory: copies part of them there. Null: they are.
  std::function<void(std::span<std::byte const> from, std::span<std::byte> to)> fetch;
};

/// Writes a new file of packed weights, and forces it to the disk.
///
/// \return  its part of the manifest
/// \throws ConfigError  naming the file, if it exists or can't be written
[[nodiscard]] PackedFile write_packed_file(std::filesystem::path const& file,
                                           std::span<PackedSource const> tensors,
                                           std::int64_t chunk_bytes = packed_chunk_bytes);

/// XXH3, 64 bits.
[[nodiscard]] std::uint64_t checksum(std::span<std::byte const> bytes) noexcept;
[[nodiscard]] std::uint64_t checksum(std::string_view text) noexcept;

}  // namespace talus::io
