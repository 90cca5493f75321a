// SPDX-License-Identifier: Apache-2.0
#include "io/files/content_hash.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <xxhash.h>

#include "io/files/file_reader.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::int64_t read_bytes = std::int64_t{1} << 22;
constexpr std::int64_t spot_bytes = 4096;

/// A hash of pieces that come one after the other.
class Hash {
 public:
  Hash() : state_{XXH3_createState()} { XXH3_128bits_reset(state_); }

  ~Hash() { XXH3_freeState(state_); }

  Hash(Hash const&) = delete;
  Hash& operator=(Hash const&) = delete;

  void add(std::span<std::byte const> bytes) {
    XXH3_128bits_update(state_, bytes.data(), bytes.size());
  }

  [[nodiscard]] std::string digits() const {
    constexpr std::string_view names = "0123456789abcdef";
    XXH128_canonical_t canonical{};
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_));
    std::string text;
    for (auto const byte : canonical.digest) {
      text += names[byte >> 4U];
      text += names[byte & 0xFU];
    }
    return text;
  }

 private:
  XXH3_state_t* state_;
};

}  // namespace

std::string hash_text(std::string_view text) {
  Hash hash;
  hash.add(std::as_bytes(std::span{text}));
  return hash.digits();
}

std::string hash_file(std::filesystem::path const& file) {
  files::FileReader const reader{file};
  Hash hash;
  std::vector<std::byte> buffer(
      static_cast<std::size_t>(std::min(read_bytes, reader.file_bytes())));
  for (std::int64_t place = 0; place < reader.file_bytes(); place += std::ssize(buffer)) {
    buffer.resize(static_cast<std::size_t>(std::min(read_bytes, reader.file_bytes() - place)));
    reader.read(place, buffer);
    hash.add(buffer);
  }
  return hash.digits();
}

std::string hash_spots(std::filesystem::path const& file, int num_spots) {
  files::FileReader const reader{file};
  std::int64_t const bytes = std::min(spot_bytes, reader.file_bytes());
  std::int64_t const last = reader.file_bytes() - bytes;
  std::vector<std::byte> buffer(static_cast<std::size_t>(bytes));
  Hash hash;
  for (int spot = 1; spot <= num_spots; ++spot) {
    reader.read(last / num_spots * spot + (spot == num_spots ? last % num_spots : 0), buffer);
    hash.add(buffer);
  }
  return concat(reader.file_bytes(), " bytes, ", hash.digits());
}

}  // namespace talus::io
