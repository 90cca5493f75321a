// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "io/checkpoint/safetensors.hpp"
#include "parallel/communicator.hpp"

namespace talus::io {

/// The tensors of a model's directory, and where each lies; headers only, no tensor data.
class Checkpoint {
 public:
  /// Reads the headers of the safetensors files of `dir`.
  ///
  /// Which files: those that the `weight_map` of model.safetensors.index.json names; without an
  /// index model.safetensors; without either the only *.safetensors file there. With an index, its
  /// map decides: a tensor that it doesn't list is left out, and its total_size is not looked at.
  ///
  /// \throws ConfigError  if there is no such file, one named by the index is missing or damaged
  ///                      (see read_safetensors_header), or a tensor isn't in the file that the
  ///                      index names
  [[nodiscard]] static Checkpoint open(std::filesystem::path const& dir);

  /// open() by rank 0 alone, which broadcasts what it found: a file system sees one reader.
  ///
  /// Collective over `comm`.
  /// \throws ConfigError  on every rank, with the same text, if rank 0 meets an error
  [[nodiscard]] static Checkpoint open_shared(std::filesystem::path const& dir,
                                              parallel::Communicator const& comm);

  /// The tensor of that name, or null; valid as long as this object.
  [[nodiscard]] TensorInfo const* find(std::string_view name) const noexcept;

  /// All tensors, in the order of file and offset.
  [[nodiscard]] std::span<TensorInfo const> tensors() const noexcept { return tensors_; }

  /// The files that hold them; TensorInfo::file is an index into this.
  [[nodiscard]] std::span<std::filesystem::path const> files() const noexcept { return files_; }

  /// Bytes of all tensors, headers not counted.
  [[nodiscard]] std::int64_t total_bytes() const noexcept;

 private:
  Checkpoint(std::vector<std::filesystem::path> files, std::vector<TensorInfo> tensors);

  std::vector<std::filesystem::path> files_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::int32_t> by_name_;  // indices into tensors_, sorted by name
};

}  // namespace talus::io
