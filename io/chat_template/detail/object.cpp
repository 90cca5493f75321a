// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/object.hpp"

#include <algorithm>
#include <memory>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/runtime.hpp"

namespace talus::io::jinja {

Value Object::call(Runtime& /*runtime*/, Arguments const& /*arguments*/) {
  fail(repr(), " is not callable");
}

std::string Function::repr() const {
  return concat("<function ", name_, '>');
}

Value Function::call(Runtime& runtime, Arguments const& arguments) {
  runtime.add_reading(self_);
  return body_(runtime, self_, arguments);
}

void Namespace::set(std::string const& name, Value value) {
  if (!name.empty() && name.front() == '_') {
    fail("namespace attribute: ", name, " (must not start with an underscore)");
  }
  auto const found = std::find_if(attributes_.begin(), attributes_.end(), [&](auto const& entry) {
    return entry.first == name;
  });
  if (found != attributes_.end()) {
    found->second = std::move(value);
  } else {
    attributes_.emplace_back(name, std::move(value));
  }
}

std::string Namespace::repr() const {
  std::string text = "<Namespace {";
  for (auto const& [name, value] : attributes_) {
    text += text.back() == '{' ? "" : ", ";
    // A container may hold the namespace itself.
    bool const is_plain = !value.is(Kind::object) && value.depth() == 0;
    text += concat(to_repr(name), ": ", is_plain ? to_repr(value) : "...");
  }
  return text + "}>";
}

std::optional<Value> Namespace::attribute(std::string_view name) {
  auto const found = std::find_if(attributes_.begin(), attributes_.end(), [&](auto const& entry) {
    return entry.first == name;
  });
  return found == attributes_.end() ? std::nullopt : std::optional{found->second};
}

}  // namespace talus::io::jinja
