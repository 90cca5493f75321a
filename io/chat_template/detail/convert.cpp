// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/convert.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

Value convert(Json const& json, int depth);

Value convert_text(std::string const& text) {
  if (!is_valid_utf8(text)) {
    fail("the input has text that is not valid UTF-8");
  }
  return Value{text};
}

Value convert_unsigned(std::uint64_t number) {
  if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    fail("the input has the number ", number, " (does not fit 64 bits with a sign)");
  }
  return Value{static_cast<std::int64_t>(number)};
}

Value convert_array(Json const& json, int depth) {
  std::vector<Value> items;
  items.reserve(json.size());
  for (Json const& item : json) {
    items.push_back(convert(item, depth));
  }
  return Value::list(std::move(items));
}

Value convert_object(Json const& json, int depth) {
  auto dict = std::make_shared<Dict>();
  for (auto const& [key, item] : json.items()) {
    dict->set(convert_text(key), convert(item, depth));
  }
  return Value{std::shared_ptr<Dict const>{std::move(dict)}};
}

Value convert(Json const& json, int depth) {
  if (depth > max_value_depth) {
    fail("the input is nested deeper than ", max_value_depth, " levels");
  }
  switch (json.type()) {
    case Json::value_t::null:
      return Value{};
    case Json::value_t::boolean:
      return Value{json.get<bool>()};
    case Json::value_t::number_integer:
      return Value{json.get<std::int64_t>()};
    case Json::value_t::number_unsigned:
      return convert_unsigned(json.get<std::uint64_t>());
    case Json::value_t::number_float:
      return Value{json.get<double>()};
    case Json::value_t::string:
      return convert_text(json.get_ref<std::string const&>());
    case Json::value_t::array:
      return convert_array(json, depth + 1);
    case Json::value_t::object:
      return convert_object(json, depth + 1);
    default:
      fail("the input has binary data");
  }
}

}  // namespace

Value to_value(Json const& json) {
  return convert(json, 0);
}

}  // namespace talus::io::jinja
