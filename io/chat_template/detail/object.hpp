// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

class Runtime;

/// The arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A value that is more than data: a function, a macro, a namespace, `loop`.
class Object : public std::enable_shared_from_this<Object> {
 public:
  Object() = default;
  Object(Object const&) = delete;
  Object& operator=(Object const&) = delete;
  virtual ~Object() = default;

  /// What printing it gives.
  [[nodiscard]] virtual std::string repr() const = 0;

  /// An attribute's value, or nothing if there is none of that name.
  [[nodiscard]] virtual std::optional<Value> attribute(std::string_view /*name*/) {
    return std::nullopt;
  }

  [[nodiscard]] virtual bool is_callable() const { return false; }

  /// \throws Failure  if it can't be called, or not with these arguments
  virtual Value call(Runtime& runtime, Arguments const& arguments);

  [[nodiscard]] virtual std::size_t weight() const { return sizeof(Value); }

  [[nodiscard]] virtual int depth() const { return 0; }
};

/// A function of ours: a global, or a method bound to its value.
class Function final : public Object {
 public:
  using Body = Value (*)(Runtime&, Value const& self, Arguments const&);

  Function(std::string name, Body body, Value self = {})
      : name_{std::move(name)}, body_{body}, self_{std::move(self)} {}

  [[nodiscard]] std::string repr() const override;

  [[nodiscard]] bool is_callable() const override { return true; }

  Value call(Runtime& runtime, Arguments const& arguments) override;

  [[nodiscard]] std::size_t weight() const override { return sizeof(*this) + self_.weight(); }

  [[nodiscard]] int depth() const override { return self_.depth() + 1; }

 private:
  std::string name_;
  Body body_;
  Value self_;
};

/// What namespace() makes: the one thing a template can change. The Runtime that it was made for
/// keeps it to its end and then empties it, because it may contain itself.
class Namespace final : public Object {
 public:
  /// \throws Failure  if the name starts with an underscore
  void set(std::string const& name, Value value);

  void clear() { attributes_.clear(); }

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] std::optional<Value> attribute(std::string_view name) override;

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
};

}  // namespace talus::io::jinja
