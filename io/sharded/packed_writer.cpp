// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/packed_writer.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <xxhash.h>

#include "io/files/open_file.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::io {
namespace {

constexpr std::int64_t page = 4096;
constexpr std::int64_t cache_line = 64;

}  // namespace

PackedFile write_packed_file(std::filesystem::path const& file,
                             std::span<PackedSource const> tensors,
                             std::int64_t chunk_bytes) {
  static constexpr std::array<char, page> zeros{};
  files::OpenFile to = files::create_file(file);
  PackedFile packed{file.filename().string(), 0, {}};
  std::vector<std::byte> fetched;
  for (PackedSource const& source : tensors) {
    auto const bytes = static_cast<std::int64_t>(source.bytes.size());
    std::int64_t const unit = bytes >= large_tensor_bytes ? page : cache_line;
    std::int64_t const gap = (unit - packed.bytes % unit) % unit;
    files::write_all(to, {zeros.data(), static_cast<std::size_t>(gap)}, file);
    PackedTensor tensor{source.name, source.type, source.scales, packed.bytes + gap, bytes, {}};
    for (std::span<std::byte const> rest = source.bytes; !rest.empty();) {
      auto chunk = rest.first(std::min(rest.size(), static_cast<std::size_t>(chunk_bytes)));
      rest = rest.subspan(chunk.size());
      if (source.fetch != nullptr) {
        fetched.resize(chunk.size());
        source.fetch(chunk, fetched);
        chunk = fetched;
      }
      tensor.hashes.push_back(checksum(chunk));
      files::write_all(to, as_text(chunk), file);
    }
    packed.bytes += gap + bytes;
    packed.tensors.push_back(std::move(tensor));
  }
  files::force_to_disk(to, file);
  files::close_written(to, file);
  return packed;
}

std::uint64_t checksum(std::span<std::byte const> bytes) noexcept {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t checksum(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace talus::io
