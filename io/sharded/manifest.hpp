// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// The manifest of a folder of packed weights: weights as a rank has them in memory, in a file for
/// each part of the model that some rank holds, to be read back without any work on them.

namespace talus::io {

/// The manifest's name in its folder.
inline constexpr char const* manifest_name = "manifest.json";

/// Most bytes of a tensor that have one checksum.
inline constexpr std::int64_t most_chunk_bytes = std::int64_t{1} << 28;

/// Most bytes between two tensors of a file: those of a page begin at one.
inline constexpr std::int64_t most_gap_bytes = 4095;

/// A matrix, table or vector in a file of packed weights.
struct PackedTensor {
  std::string name;
  std::string type;    ///< of what is stored: "bfloat16", "int4-g128"
  std::string scales;  ///< type of the scales of codes; else empty
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::vector<std::uint64_t> hashes;  ///< XXH3 of each chunk; the last one may be shorter
};

/// A file of packed weights.
struct PackedFile {
  std::string name;
  std::int64_t bytes = 0;
  std::vector<PackedTensor> tensors;  ///< in the order of their offsets
};

/// What a folder of packed weights holds.
struct ShardManifest {
  std::string talus;              ///< the version that wrote it
  std::uint64_t config_hash = 0;  ///< XXH3 of config.json
  int tensor_parallel_size = 1;
  int pipeline_parallel_size = 1;
  int expert_parallel_size = 1;
  std::string backend;             ///< whose packing it is
  std::uint64_t packing_hash = 0;  ///< of that packing
  std::string dtype;               ///< of what is not quantised
  std::string quantization;        ///< "none", "checkpoint", or the format that was quantised to
  std::int64_t chunk_bytes = 0;
  std::vector<PackedFile> files;

  /// The file of that name, or null.
  [[nodiscard]] PackedFile const* find(std::string_view name) const noexcept;

  /// Bytes of all files.
  [[nodiscard]] std::int64_t total_bytes() const noexcept;
};

/// The name of a file for what the shards of a stage hold, or its expert ranks.
[[nodiscard]] std::string shard_file_name(int stage, int shard);
[[nodiscard]] std::string expert_file_name(int stage, int expert_rank);

/// Whether a folder holds packed weights: it has a manifest, and no safetensors files.
[[nodiscard]] bool has_packed_weights(std::filesystem::path const& dir);

/// Reads a manifest.
///
/// File names are plain names, tensors lie one after another up to the end of their file without
/// overlap, and have as many checksums as chunks.
/// \param source  what to call it in an error
/// \throws ConfigError  naming source, place and reason
[[nodiscard]] ShardManifest parse_manifest(std::string_view text, std::string const& source);

/// A manifest as text; a tensor a line.
[[nodiscard]] std::string format_manifest(ShardManifest const& manifest);

/// A file's part of a manifest as text, for rank 0 to put together, and read again.
[[nodiscard]] std::string format_packed_file(PackedFile const& file);
[[nodiscard]] PackedFile parse_packed_file(std::string_view text,
                                           std::int64_t chunk_bytes,
                                           std::string const& source);

}  // namespace talus::io
