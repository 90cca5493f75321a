// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/loop.hpp"

#include <algorithm>
#include <limits>

#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"

namespace talus::io::jinja {
namespace {

Loop& to_loop(Value const& self) {
  return static_cast<Loop&>(*self.as_object());
}

Value call_cycle(Runtime& /*runtime*/, Value const& self, Arguments const& arguments) {
  return to_loop(self).cycle(arguments);
}

Value call_changed(Runtime& /*runtime*/, Value const& self, Arguments const& arguments) {
  return Value{to_loop(self).changed(arguments)};
}

}  // namespace

bool Loop::advance() {
  if (!look_ahead(index_ + 1)) {
    return false;
  }
  ++index_;
  return true;
}

bool Loop::look_ahead(std::size_t count) {
  while (accepted_.size() < count && num_looked_at_ < source_->items().size()) {
    Value const& item = source_->items()[num_looked_at_++];
    if (!statement_.condition || evaluator_.accepts(statement_, around_, item)) {
      accepted_.push_back(item);
    }
  }
  return accepted_.size() >= count;
}

void Loop::finish() {
  last_changed_.reset();
  if (!statement_.is_recursive) {
    around_.reset();
  }
}

std::size_t Loop::length() {
  look_ahead(std::numeric_limits<std::size_t>::max());
  return accepted_.size();
}

std::string Loop::repr() const {
  return concat("<LoopContext ", index_, '/', source_->items().size(), '>');
}

std::optional<Value> Loop::attribute(std::string_view name) {
  if (name == "index") {
    return Value{index_};
  }
  if (name == "index0") {
    return Value{index_ - 1};
  }
  if (name == "first") {
    return Value{index_ == 1};
  }
  if (name == "last") {
    return Value{!look_ahead(index_ + 1)};
  }
  if (auto value = neighbor_attribute(name)) {
    return value;
  }
  return count_attribute(name);
}

std::optional<Value> Loop::neighbor_attribute(std::string_view name) {
  if (name == "previtem") {
    return index_ > 1 ? accepted_[index_ - 2] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return look_ahead(index_ + 1) ? accepted_[index_] : Value::undefined("there is no next item");
  }
  if (name == "cycle" || name == "changed") {
    auto const body = name == "cycle" ? &call_cycle : &call_changed;
    return Value{std::make_shared<Function>(std::string{name}, body, Value{shared_from_this()})};
  }
  return std::nullopt;
}

std::optional<Value> Loop::count_attribute(std::string_view name) {
  if (name == "length") {
    return Value{length()};
  }
  if (name == "revindex") {
    return Value{length() - index_ + 1};
  }
  if (name == "revindex0") {
    return Value{length() - index_};
  }
  if (name == "depth") {
    return Value{depth_};
  }
  if (name == "depth0") {
    return Value{depth_ - 1};
  }
  return std::nullopt;
}

Value Loop::cycle(Arguments const& arguments) const {
  if (arguments.positional.empty()) {
    fail("loop.cycle: no items");
  }
  return arguments.positional[(index_ - 1) % arguments.positional.size()];
}

bool Loop::changed(Arguments const& arguments) {
  auto const& values = arguments.positional;
  if (last_changed_ &&
      std::equal(
          values.begin(), values.end(), last_changed_->begin(), last_changed_->end(), &equal)) {
    return false;
  }
  last_changed_ = values;
  return true;
}

Value Loop::call(Runtime& /*runtime*/, Arguments const& arguments) {
  if (!statement_.is_recursive) {
    fail("loop: can't be called (only a loop marked 'recursive' can)");
  }
  Parameters const parameters{arguments, "loop", {"iterable"}, 1};
  return evaluator_.call_loop(statement_, around_, parameters[0], depth_ + 1);
}

}  // namespace talus::io::jinja
