// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/builtins.hpp"
#include "io/chat_template/detail/clock.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/runtime.hpp"

namespace talus::io::jinja {
namespace {

constexpr std::uint64_t max_range = 100'000;

// Gives its items in turn.
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_{Value::list(std::move(items))} {}

  [[nodiscard]] std::string repr() const override { return "<Cycler>"; }

  [[nodiscard]] std::size_t weight() const override { return items_.weight(); }

  [[nodiscard]] int depth() const override { return items_.depth() + 1; }

  [[nodiscard]] std::optional<Value> attribute(std::string_view name) override {
    Value const self{shared_from_this()};
    if (name == "next") {
      return Value{std::make_shared<Function>("next", &next, self)};
    }
    if (name == "reset") {
      return Value{std::make_shared<Function>("reset", &reset, self)};
    }
    return name == "current" ? std::optional{current()} : std::nullopt;
  }

 private:
  [[nodiscard]] Value const& current() const { return items_.as_sequence().items()[at_]; }

  static Value next(Runtime&, Value const& self, Arguments const& /*arguments*/) {
    auto& cycler = static_cast<Cycler&>(*self.as_object());
    Value item = cycler.current();
    cycler.at_ = (cycler.at_ + 1) % cycler.items_.as_sequence().items().size();
    return item;
  }

  static Value reset(Runtime&, Value const& self, Arguments const& /*arguments*/) {
    static_cast<Cycler&>(*self.as_object()).at_ = 0;
    return Value{};
  }

  Value items_;
  std::size_t at_ = 0;
};

// Gives nothing the first time it is called, then a separator.
class Joiner final : public Object {
 public:
  explicit Joiner(Value separator) : separator_{std::move(separator)} {}

  [[nodiscard]] std::string repr() const override { return "<Joiner>"; }

  [[nodiscard]] bool is_callable() const override { return true; }

  [[nodiscard]] std::size_t weight() const override { return separator_.weight(); }

  [[nodiscard]] int depth() const override { return separator_.depth() + 1; }

  Value call(Runtime& /*runtime*/, Arguments const& /*arguments*/) override {
    return std::exchange(is_used_, true) ? separator_ : Value{""};
  }

 private:
  Value separator_;
  bool is_used_ = false;
};

Value make_cycler(Runtime&, Value const&, Arguments const& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    fail("cycler: needs items");
  }
  return Value{std::shared_ptr<Object>{std::make_shared<Cycler>(arguments.positional)}};
}

Value make_joiner(Runtime&, Value const&, Arguments const& arguments) {
  Parameters const parameters{arguments, "joiner", {"sep"}};
  Value separator = parameters.has(0) ? parameters[0] : Value{", "};
  return Value{std::shared_ptr<Object>{std::make_shared<Joiner>(std::move(separator))}};
}

// The entries that dict() and namespace() take: of a dict or of pairs, then the named arguments.
std::shared_ptr<Dict> collect_entries(Arguments const& arguments, std::string_view function) {
  auto dict = std::make_shared<Dict>();
  if (arguments.positional.size() > 1) {
    fail(function, ": ", arguments.positional.size(), " arguments (takes at most 1)");
  }
  for (Value const& source : arguments.positional) {
    if (source.is_undefined()) {
      fail(source.why_undefined());
    }
    if (source.is(Kind::dict)) {
      for (auto const& [key, value] : source.as_dict().entries()) {
        dict->set(key, value);
      }
      continue;
    }
    for (auto const sequence = to_sequence(source); Value const& item : sequence->items()) {
      auto const pair = to_sequence(item);
      if (pair->items().size() != 2) {
        fail(function, ": needs pairs of a key and a value");
      }
      dict->set(pair->items()[0], pair->items()[1]);
    }
  }
  for (auto const& [name, value] : arguments.named) {
    dict->set(Value{name}, value);
  }
  return dict;
}

Value make_dict(Runtime&, Value const&, Arguments const& arguments) {
  return Value{std::shared_ptr<Dict const>{collect_entries(arguments, "dict")}};
}

Value make_namespace(Runtime& runtime, Value const&, Arguments const& arguments) {
  auto const space = runtime.make_namespace();
  auto const entries = collect_entries(arguments, "namespace");
  for (auto const& [name, value] : entries->entries()) {
    if (!name.is_string()) {
      fail("namespace: a ", type_name(name), " can't be an attribute's name");
    }
    space->set(name.as_string(), value);
  }
  return Value{std::shared_ptr<Object>{space}};
}

std::uint64_t range_length(std::int64_t start, std::int64_t stop, std::int64_t step) {
  auto const distance = [](std::int64_t from, std::int64_t to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  };
  if (step > 0) {
    return start >= stop ? 0 : (distance(start, stop) - 1) / static_cast<std::uint64_t>(step) + 1;
  }
  return start <= stop ? 0
                       : (distance(stop, start) - 1) / (0 - static_cast<std::uint64_t>(step)) + 1;
}

Value make_range(Runtime&, Value const&, Arguments const& arguments) {
  Parameters const parameters{arguments, "range", {"start", "stop", "step"}, 1};
  bool const has_stop = parameters.has(1);
  std::int64_t const start = has_stop ? parameters.integer(0) : 0;
  std::int64_t const stop = parameters.integer(has_stop ? 1 : 0);
  std::int64_t const step = parameters.integer(2, 1);
  if (step == 0) {
    fail("range: step = 0 (must not be zero)");
  }
  std::uint64_t const length = range_length(start, stop, step);
  if (length > max_range) {
    fail("range: ", length, " items (at most ", max_range, " are allowed)");
  }
  std::vector<Value> items;
  items.reserve(length);
  for (std::uint64_t i = 0; i < length; ++i) {
    items.emplace_back(start + static_cast<std::int64_t>(i) * step);
  }
  return Value{std::make_shared<Sequence const>(SequenceKind::range, std::move(items))};
}

Value raise_exception(Runtime&, Value const&, Arguments const& arguments) {
  Parameters const parameters{arguments, "raise_exception", {"message"}, 1};
  throw Failure{to_text(parameters[0])};
}

Value strftime_now(Runtime& runtime, Value const&, Arguments const& arguments) {
  Parameters const parameters{arguments, "strftime_now", {"format"}, 1};
  return Value{format_time(parameters.text(0), runtime.options().now)};
}

Value lipsum(Runtime&, Value const&, Arguments const&) {
  fail("lipsum: random text is not supported");
}

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  constexpr Named<Method> table[] = {
      {"cycler", &make_cycler},
      {"dict", &make_dict},
      {"joiner", &make_joiner},
      {"lipsum", &lipsum},
      {"namespace", &make_namespace},
      {"raise_exception", &raise_exception},
      {"range", &make_range},
      {"strftime_now", &strftime_now},
  };
  Method const function = find_named(table, name);
  if (function == nullptr) {
    return std::nullopt;
  }
  return Value{std::shared_ptr<Object>{std::make_shared<Function>(std::string{name}, function)}};
}

}  // namespace talus::io::jinja
