// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/access.hpp"

#include <algorithm>
#include <optional>

#include "io/chat_template/detail/builtins.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

// An attribute that the value's type has; undefined if a template may not use it.
std::optional<Value> type_attribute(Value const& value, std::string_view name) {
  if (value.is(Kind::object)) {
    return value.as_object()->attribute(name);
  }
  if (value.is(Kind::sequence) && value.as_sequence().kind() == SequenceKind::group &&
      (name == "grouper" || name == "list")) {
    return value.as_sequence().items()[name == "grouper" ? 0 : 1];
  }
  if (is_forbidden_method(value, name)) {
    return Value::undefined(
        concat("attribute '", name, "' of a ", type_name(value), " (a template may not use it)"));
  }
  if (Method const method = find_method(value, name)) {
    return Value{std::make_shared<Function>(std::string{name}, method, value)};
  }
  return std::nullopt;
}

// The place of an index in a collection, or nothing.
std::optional<std::size_t> place_of(std::int64_t index, std::size_t size) {
  auto const signed_size = static_cast<std::int64_t>(size);
  if (index < -signed_size || index >= signed_size) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(index < 0 ? index + signed_size : index);
}

Value character_at(Text const& text, std::size_t place) {
  std::string_view const bytes = text.bytes;
  if (text.length == bytes.size()) {
    return Value{bytes.substr(place, 1)};
  }
  std::string_view rest = bytes.substr(offset_of(bytes, place));
  return Value{to_utf8(take_code_point(rest))};
}

std::optional<Value> item(Value const& value, Value const& key) {
  if (value.is(Kind::dict)) {
    Value const* const found = is_hashable(key) ? value.as_dict().find(key) : nullptr;
    return found == nullptr ? std::nullopt : std::optional{*found};
  }
  if (!key.is_integral()) {
    return std::nullopt;
  }
  if (value.is_string()) {
    auto const place = place_of(key.as_integer(), value.as_text().length);
    return place ? std::optional{character_at(value.as_text(), *place)} : std::nullopt;
  }
  if (value.is(Kind::sequence) && value.as_sequence().is_indexable()) {
    auto const& items = value.as_sequence().items();
    auto const place = place_of(key.as_integer(), items.size());
    return place ? std::optional{items[*place]} : std::nullopt;
  }
  return std::nullopt;
}

Value missing(Value const& value, std::string const& key) {
  return Value::undefined(concat('\'', type_name(value), "' has no attribute or item ", key));
}

void require_defined(Value const& value) {
  if (value.is_undefined()) {
    fail(value.why_undefined());
  }
}

// The places that a slice takes, in its order.
std::vector<std::size_t> slice_places(std::size_t size,
                                      Value const& start,
                                      Value const& stop,
                                      std::int64_t step) {
  auto const length = static_cast<std::int64_t>(size);
  std::int64_t const lowest = step < 0 ? -1 : 0;
  std::int64_t const highest = step < 0 ? length - 1 : length;
  auto const bound = [&](Value const& value, std::int64_t otherwise) {
    if (value.is_none()) {
      return otherwise;
    }
    std::int64_t const index = to_integer(value, "slice");
    return std::clamp(index < 0 ? index + length : index, lowest, highest);
  };
  std::int64_t const first = bound(start, step < 0 ? highest : lowest);
  std::int64_t const last = bound(stop, step < 0 ? lowest : highest);
  std::vector<std::size_t> places;
  for (std::int64_t at = first; step < 0 ? at > last : at < last;) {
    places.push_back(static_cast<std::size_t>(at));
    if (__builtin_add_overflow(at, step, &at)) {
      break;
    }
  }
  return places;
}

Value slice_text(Text const& text, std::vector<std::size_t> const& places, std::int64_t step) {
  std::string_view const bytes = text.bytes;
  if (places.empty()) {
    return Value{""};
  }
  if (step == 1) {
    std::size_t const begin = offset_of(bytes, places.front());
    return Value{bytes.substr(begin, offset_of(bytes.substr(begin), places.size()))};
  }
  auto const characters = split_code_points(bytes);
  std::string out;
  for (std::size_t const place : places) {
    out += characters[place];
  }
  return Value{std::move(out)};
}

}  // namespace

Value get_attribute(Value const& value, std::string_view name) {
  require_defined(value);
  if (auto attribute = type_attribute(value, name)) {
    return *std::move(attribute);
  }
  if (value.is(Kind::dict)) {
    if (Value const* const found = value.as_dict().find_text(name)) {
      return *found;
    }
  }
  return missing(value, concat('\'', name, '\''));
}

Value get_item(Value const& value, Value const& key) {
  require_defined(value);
  if (auto found = item(value, key)) {
    return *std::move(found);
  }
  if (key.is_string()) {
    if (auto attribute = type_attribute(value, key.as_string())) {
      return *std::move(attribute);
    }
  }
  return missing(value, to_repr(key));
}

Value get_slice(Value const& value, Value const& start, Value const& stop, Value const& step) {
  require_defined(value);
  std::int64_t const stride = step.is_none() ? 1 : to_integer(step, "slice");
  if (stride == 0) {
    fail("slice: step = 0 (must not be zero)");
  }
  if (value.is_string()) {
    Text const& text = value.as_text();
    return slice_text(text, slice_places(text.length, start, stop, stride), stride);
  }
  if (!value.is(Kind::sequence) || !value.as_sequence().is_indexable()) {
    fail("a ", type_name(value), " can't be sliced");
  }
  Sequence const& sequence = value.as_sequence();
  std::vector<Value> items;
  for (std::size_t const place : slice_places(sequence.items().size(), start, stop, stride)) {
    items.push_back(sequence.items()[place]);
  }
  SequenceKind const kind = sequence.is_tuple() ? SequenceKind::tuple : sequence.kind();
  return std::make_shared<Sequence const>(kind, std::move(items));
}

std::vector<Value> to_values(std::vector<std::string_view> const& texts) {
  if (texts.size() > max_pieces) {
    fail("a text in ", texts.size(), " pieces (at most ", max_pieces, " are allowed)");
  }
  return {texts.begin(), texts.end()};
}

std::shared_ptr<Sequence const> to_sequence(Value const& value) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Kind::sequence:
      if (value.as_sequence().kind() != SequenceKind::iterator) {
        return value.sequence_pointer();
      }
      items = value.as_sequence().take_rest();
      break;
    case Kind::dict:
      for (auto const& entry : value.as_dict().entries()) {
        items.push_back(entry.first);
      }
      break;
    case Kind::string:
      items = to_values(split_code_points(value.as_string()));
      break;
    case Kind::undefined:
      break;
    default:
      fail("a ", type_name(value), " is not iterable");
  }
  return std::make_shared<Sequence const>(SequenceKind::list, std::move(items));
}

bool is_iterable(Value const& value) {
  return value.is(Kind::sequence) || value.is(Kind::dict) || value.is_string() ||
         value.is_undefined();
}

std::int64_t length_of(Value const& value) {
  if (value.is_string()) {
    return static_cast<std::int64_t>(value.as_text().length);
  }
  if (value.is(Kind::dict)) {
    return static_cast<std::int64_t>(value.as_dict().entries().size());
  }
  if (value.is(Kind::sequence) && value.as_sequence().kind() != SequenceKind::iterator) {
    return static_cast<std::int64_t>(value.as_sequence().items().size());
  }
  if (value.is_undefined()) {
    return 0;
  }
  fail("a ", type_name(value), " has no length");
}

std::int64_t to_integer(Value const& value, std::string_view what) {
  require_defined(value);
  if (!value.is_integral()) {
    fail(what, ": needs an integer, got ", type_name(value));
  }
  return value.as_integer();
}

}  // namespace talus::io::jinja
