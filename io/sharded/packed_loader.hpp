// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "io/sharded/manifest.hpp"
#include "parallel/communicator.hpp"

namespace talus::io {

/// Where a tensor of a file of packed weights goes.
struct PackedTarget {
  std::span<std::byte> memory;  ///< as long as the tensor
  bool is_shared = false;       ///< other ranks of the node have it in this memory too
  /// Where the memory isn't the host's: copies the tensor there. Null: it is.
  std::function<void(std::span<std::byte const> tensor)> put;
};

/// A file that this rank needs.
struct PackedPart {
  PackedFile const* file = nullptr;
  std::vector<PackedTarget> targets;  ///< [file->tensors]
  parallel::Communicator comm;        ///< the ranks that need the file
  int sharer = 0;       ///< this rank's number among those with which it shares memory
  int num_sharers = 1;  ///< how many they are
};

/// Reads files of packed weights: every byte is read once in the job, by one rank.
///
/// The ranks that need a file take its chunks in turns. A chunk is read straight to where it is
/// used (small tensors together, by way of a buffer), by a thread that is ahead of the rest; its
/// checksum is compared, and it is broadcast to the other ranks, of those that share memory to one.
/// What isn't used in the host's memory goes through it, some tensors at a time; all ranks that
/// need a file have the same of its tensors there.
///
/// Collective over `comm`. Each rank's parts are in the same order: of two files that two ranks
/// need, both have the same one first.
/// \throws ConfigError  on every rank, with the same text: before anything is read, if a file is
///                      missing or not as long as it should be; later, if a file can't be read or a
///                      checksum differs: then it names the tensor
/// Cost: beside the targets some chunks of memory, within options.host_memory_bytes; of tensors
/// that aren't used in the host's memory half as much again, or as the greatest of them needs.
[[nodiscard]] LoadReport load_packed(parallel::Communicator const& comm,
                                     std::filesystem::path const& dir,
                                     ShardManifest const& manifest,
                                     std::span<PackedPart const> parts,
                                     LoadOptions const& options);

}  // namespace talus::io
