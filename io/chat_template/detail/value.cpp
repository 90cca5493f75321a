// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/value.hpp"

#include <algorithm>
#include <utility>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

std::shared_ptr<Text const> make_text(std::string text, bool is_safe) {
  if (text.size() > max_value_bytes) {
    fail("string of ", text.size(), " bytes (at most ", max_value_bytes, " are allowed)");
  }
  std::size_t const length = count_code_points(text);
  return std::make_shared<Text const>(Text{std::move(text), length, is_safe});
}

Value make_sequence(SequenceKind kind, std::vector<Value> items) {
  return std::make_shared<Sequence const>(kind, std::move(items));
}

}  // namespace

Value::Value(std::string text) : data_{make_text(std::move(text), false)} {}

Value Value::undefined(std::string why) {
  Value value;
  value.data_ = Undefined{std::make_shared<std::string const>(std::move(why))};
  return value;
}

Value Value::list(std::vector<Value> items) {
  return make_sequence(SequenceKind::list, std::move(items));
}

Value Value::tuple(std::vector<Value> items) {
  return make_sequence(SequenceKind::tuple, std::move(items));
}

Value Value::iterator(std::vector<Value> items) {
  return make_sequence(SequenceKind::iterator, std::move(items));
}

std::int64_t Value::as_integer() const {
  return is(Kind::boolean) ? std::int64_t{as_boolean()} : std::get<std::int64_t>(data_);
}

std::string const& Value::as_string() const {
  return as_text().bytes;
}

std::string const& Value::why_undefined() const {
  return *std::get<Undefined>(data_).why;
}

std::size_t Value::weight() const {
  switch (kind()) {
    case Kind::string:
      return sizeof(Value) + as_string().size();
    case Kind::sequence:
      return as_sequence().weight();
    case Kind::dict:
      return as_dict().weight();
    case Kind::object:
      return as_object()->weight();
    default:
      return sizeof(Value);
  }
}

int Value::depth() const {
  switch (kind()) {
    case Kind::sequence:
      return as_sequence().depth();
    case Kind::dict:
      return as_dict().depth();
    case Kind::object:
      return as_object()->depth();
    default:
      return 0;
  }
}

bool Value::same_as(Value const& other) const {
  if (kind() != other.kind()) {
    return false;
  }
  switch (kind()) {
    case Kind::none:
      return true;
    case Kind::undefined:
      return std::get<Undefined>(data_).why == std::get<Undefined>(other.data_).why;
    case Kind::boolean:
      return as_boolean() == other.as_boolean();
    case Kind::integer:
      return as_integer() == other.as_integer();
    case Kind::floating:
      return as_floating() == other.as_floating();
    case Kind::string:
      return as_string() == other.as_string();
    case Kind::sequence:
      return &as_sequence() == &other.as_sequence();
    case Kind::dict:
      return &as_dict() == &other.as_dict();
    case Kind::object:
      return as_object() == other.as_object();
  }
  return false;
}

Value safe_text(std::string text) {
  return make_text(std::move(text), true);
}

Sequence::Sequence(SequenceKind kind, std::vector<Value> items)
    : kind_{kind}, items_{std::move(items)}, weight_{sizeof(Sequence)}, depth_{1} {
  for (Value const& item : items_) {
    weight_ += item.weight();
    depth_ = std::max(depth_, item.depth() + 1);
  }
  check_value_size(weight_, depth_);
}

std::vector<Value> Sequence::take_rest() const {
  auto const first = items_.begin() + static_cast<std::ptrdiff_t>(num_taken_);
  num_taken_ = items_.size();
  return {first, items_.end()};
}

}  // namespace talus::io::jinja
