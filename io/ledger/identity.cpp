// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/identity.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

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

std::string describe_difference(Identity const& run,
                                Identity const& other,
                                std::string_view source) {
  std::string text;
  auto const compare = [&](std::string const& name) {
    std::string const ours = value_of(run, name);
    std::string const theirs = value_of(other, name);
    if (ours != theirs) {
      text += concat(
          text.empty() ? "" : "; ", name, ": this run has ", ours, ", ", source, ' ', theirs);
    }
  };
  for (auto const& entry : run) {
    compare(entry.first);
  }
  for (auto const& entry : other) {
    bool const is_new = std::none_of(
        run.begin(), run.end(), [&](auto const& known) { return known.first == entry.first; });
    if (is_new) {
      compare(entry.first);
    }
  }
  return text;
}

}  // namespace talus::io
