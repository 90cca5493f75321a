// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "io/sharded/manifest.hpp"

namespace talus::io::detail {

/// A chunk of a tensor, on its way to its place.
struct PackedPiece {
  PackedTensor const* tensor = nullptr;
  std::int64_t begin = 0;       ///< within the tensor
  std::span<std::byte> target;  ///< as long as the piece
  std::uint64_t hash = 0;
};

/// Bytes of a file that are read at once: a chunk of one large tensor straight to its place, or
/// small tensors one after another, by way of a buffer.
struct PackedRead {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  bool is_direct = false;
  std::vector<PackedPiece> pieces;

  /// Where a piece lies in the bytes that were read.
  [[nodiscard]] std::span<std::byte> bytes_of(PackedPiece const& piece,
                                              std::span<std::byte> all) const {
    return all.subspan(static_cast<std::size_t>(piece.tensor->offset + piece.begin - offset),
                       piece.target.size());
  }
};

/// How a file is cut into reads; equal on all ranks that read it.
struct PackedCut {
  std::int64_t chunk_bytes = 0;   ///< of a checksum
  std::int64_t buffer_bytes = 0;  ///< most that small tensors take together, if they are several
  std::int64_t large_bytes = 0;   ///< pieces from here on are read straight to their place
};

/// The reads of those tensors of a file that `is_wanted` names by their index, in the order of
/// their offsets.
///
/// \param targets  [file.tensors]
[[nodiscard]] std::vector<PackedRead> cut_file(PackedFile const& file,
                                               std::span<std::span<std::byte> const> targets,
                                               PackedCut const& cut,
                                               std::function<bool(std::size_t)> const& is_wanted);

}  // namespace talus::io::detail
