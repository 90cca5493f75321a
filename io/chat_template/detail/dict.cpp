// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/dict.hpp"

#include <algorithm>

#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"

namespace talus::io::jinja {
namespace {

// Up to this many entries are searched one by one: faster than an index, and most dicts of a chat
// are smaller.
constexpr std::size_t max_searched = 8;

}  // namespace

std::size_t Dict::position(Value const& key, std::size_t key_hash) const {
  if (index_.empty()) {
    auto const found = std::find_if(entries_.begin(), entries_.end(), [&](Entry const& entry) {
      return equal(entry.first, key);
    });
    return found == entries_.end() ? not_found : static_cast<std::size_t>(found - entries_.begin());
  }
  auto const [first, last] = index_.equal_range(key_hash);
  for (auto it = first; it != last; ++it) {
    if (equal(entries_[it->second].first, key)) {
      return it->second;
    }
  }
  return not_found;
}

void Dict::set(Value const& key, Value value) {
  std::size_t const key_hash = hash(key);
  weight_ += value.weight();
  depth_ = std::max({depth_, key.depth() + 1, value.depth() + 1});
  std::size_t const at = position(key, key_hash);
  if (at != not_found) {
    entries_[at].second = std::move(value);
  } else {
    add(key, key_hash, std::move(value));
  }
  check_value_size(weight_, depth_);
}

void Dict::add(Value const& key, std::size_t key_hash, Value value) {
  weight_ += key.weight();
  entries_.emplace_back(key, std::move(value));
  if (entries_.size() == max_searched + 1) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      index_.emplace(hash(entries_[i].first), i);
    }
  } else if (entries_.size() > max_searched) {
    index_.emplace(key_hash, entries_.size() - 1);
  }
}

Value const* Dict::find(Value const& key) const {
  std::size_t const at = position(key, hash(key));
  return at == not_found ? nullptr : &entries_[at].second;
}

Value const* Dict::find_text(std::string_view key) const {
  if (!index_.empty()) {
    return find(Value{key});
  }
  for (Entry const& entry : entries_) {
    if (entry.first.is_string() && entry.first.as_string() == key) {
      return &entry.second;
    }
  }
  return nullptr;
}

void check_value_size(std::size_t weight, int depth) {
  if (weight > max_value_bytes) {
    fail("value of ", weight, " bytes (at most ", max_value_bytes, " are allowed)");
  }
  if (depth > max_value_depth) {
    fail("lists and dicts nested deeper than ", max_value_depth, " levels");
  }
}

}  // namespace talus::io::jinja
