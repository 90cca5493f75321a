// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

/// A mapping that keeps the order in which its keys came. It is filled with set(), then shared and
/// not changed any more.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  /// Adds an entry, or replaces the value of the key.
  ///
  /// \throws Failure  if the key can't be one (a list, a dict), or the dict grows too large
  void set(Value const& key, Value value);

  /// The value of the key, or null.
  ///
  /// \throws Failure  if the key can't be one
  [[nodiscard]] Value const* find(Value const& key) const;
  [[nodiscard]] Value const* find_text(std::string_view key) const;

  [[nodiscard]] std::vector<Entry> const& entries() const noexcept { return entries_; }

  [[nodiscard]] std::size_t weight() const noexcept { return weight_; }

  [[nodiscard]] int depth() const noexcept { return depth_; }

 private:
  static constexpr std::size_t not_found = static_cast<std::size_t>(-1);

  [[nodiscard]] std::size_t position(Value const& key, std::size_t key_hash) const;
  void add(Value const& key, std::size_t key_hash, Value value);

  std::vector<Entry> entries_;
  // Hash of a key -> its position. Empty while the dict is small enough to be searched.
  std::unordered_multimap<std::size_t, std::size_t> index_;
  std::size_t weight_ = sizeof(Value);
  int depth_ = 1;
};

/// \throws Failure  if a container of this weight and depth is not allowed
void check_value_size(std::size_t weight, int depth);

}  // namespace talus::io::jinja
