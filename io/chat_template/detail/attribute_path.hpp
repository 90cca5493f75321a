// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

/// What a filter's parameter `attribute` names: nothing (the item itself), a place, or names and
/// places with dots between.
class AttributePath {
 public:
  /// \param attribute  none, an integer, or a string
  /// \throws Failure  for another type
  explicit AttributePath(Value const& attribute);

  /// \param otherwise  what to take at a step where there is nothing; none: go on with undefined
  [[nodiscard]] Value get(Value const& item, Value const& otherwise = {}) const;

 private:
  std::vector<Value> steps_;
};

/// The value as it is compared: strings in lower case unless case matters.
[[nodiscard]] Value comparison_key(Value const& value, bool is_case_sensitive);

}  // namespace talus::io::jinja
