// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/attribute_path.hpp"

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/numbers.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {

AttributePath::AttributePath(Value const& attribute) {
  if (attribute.is_none()) {
    return;
  }
  if (!attribute.is_string()) {
    steps_.emplace_back(to_integer(attribute, "attribute"));
    return;
  }
  for (std::string_view const part : split(attribute.as_string(), ".", Side::left)) {
    bool const is_place = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    auto const place = is_place ? parse_integer(part, 10) : std::nullopt;
    steps_.push_back(place ? Value{*place} : Value{part});
  }
}

Value AttributePath::get(Value const& item, Value const& otherwise) const {
  Value value = item;
  for (Value const& step : steps_) {
    value = get_item(value, step);
    if (value.is_undefined() && !otherwise.is_none()) {
      value = otherwise;
    }
  }
  return value;
}

Value comparison_key(Value const& value, bool is_case_sensitive) {
  return value.is_string() && !is_case_sensitive ? Value{to_lower(value.as_string())} : value;
}

}  // namespace talus::io::jinja
