// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/identity.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

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

void put(std::string& out, std::string_view text) {
  auto const size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<char const*>(&size), sizeof size);
  out.append(text);
}

std::optional<std::string> take(std::string_view& in) {
  std::uint32_t size = 0;
  if (in.size() < sizeof size) {
    return std::nullopt;
  }
  std::memcpy(&size, in.data(), sizeof size);
  in.remove_prefix(sizeof size);
  if (in.size() < size) {
    return std::nullopt;
  }
  std::string text{in.substr(0, size)};
  in.remove_prefix(size);
  return text;
}

std::string value_of(Identity const& identity, std::string const& name) {
  auto const found = std::find_if(
      identity.begin(), identity.end(), [&](auto const& entry) { return entry.first == name; });
  return found == identity.end() || found->second.empty() ? "none" : found->second;
}

void compare(std::string& text,
             std::string const& name,
             Identity const& run,
             Identity const& ledger) {
  std::string const ours = value_of(run, name);
  std::string const theirs = value_of(ledger, name);
  if (ours != theirs) {
    text +=
        concat(text.empty() ? "" : "; ", name, ": this run has ", ours, ", the ledger ", theirs);
  }
}

}  // namespace

std::string format_identity(Identity const& identity) {
  std::string payload;
  for (auto const& [name, value] : identity) {
    put(payload, name);
    put(payload, value);
  }
  return payload;
}

std::optional<Identity> parse_identity(std::string_view payload) {
  Identity identity;
  while (!payload.empty()) {
    auto name = take(payload);
    auto value = name ? take(payload) : std::nullopt;
    if (!value) {
      return std::nullopt;
    }
    identity.emplace_back(std::move(*name), std::move(*value));
  }
  return identity;
}

std::string describe_difference(Identity const& run, Identity const& ledger) {
  std::string text;
  for (auto const& entry : run) {
    compare(text, entry.first, run, ledger);
  }
  for (auto const& entry : ledger) {
    bool const is_new = std::none_of(
        run.begin(), run.end(), [&](auto const& other) { return other.first == entry.first; });
    if (is_new) {
      compare(text, entry.first, run, ledger);
    }
  }
  return text;
}

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
