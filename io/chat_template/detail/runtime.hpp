// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/chat_template/chat_template.hpp"
#include "io/chat_template/detail/object.hpp"
#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {

/// The names set in one body, and those around it.
class Scope {
 public:
  explicit Scope(std::shared_ptr<Scope> outer) : outer_{std::move(outer)} {}

  /// The value of a name here or further out, or null.
  [[nodiscard]] Value const* find(std::string_view name) const;

  void set(std::string_view name, Value value);

  void clear();

 private:
  // The place of a name in names_, or their number.
  [[nodiscard]] std::size_t place_of(std::string_view name) const;

  std::shared_ptr<Scope> outer_;
  std::vector<std::pair<std::string_view, Value>> names_;
  std::unordered_map<std::string_view, std::size_t> places_;  // in names_, once those are many
};

/// What one rendering has used up, and the things it made that live until its end.
class Runtime {
 public:
  class Level;

  explicit Runtime(RenderOptions const& options) : options_{options} {}

  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;

  /// Empties what was kept: those things may contain each other.
  ~Runtime();

  /// Counts work.
  ///
  /// \throws Failure  if that is more than allowed
  void add_steps(std::size_t steps);

  /// Counts the work of looking at a whole value. The parts of a container are mostly passed over,
  /// while a text is read byte by byte.
  void add_reading(Value const& value) {
    add_steps(value.weight() / (value.is_string() ? text_bytes_per_step : bytes_per_step));
  }

  /// Counts the memory of a value just made, without the values that it contains.
  ///
  /// \throws Failure  if that is more than allowed
  void add_made(Value const& value);
  void add_bytes(std::size_t bytes);

  /// A new namespace, which lives as long as this.
  [[nodiscard]] std::shared_ptr<Namespace> make_namespace();

  /// Lets a scope, which a function refers to, live as long as this.
  void keep(std::shared_ptr<Scope> scope);

  [[nodiscard]] RenderOptions const& options() const noexcept { return options_; }

 private:
  static constexpr std::size_t bytes_per_step = 64;
  static constexpr std::size_t text_bytes_per_step = 16;

  RenderOptions const& options_;
  std::size_t num_steps_ = 0;
  std::size_t num_bytes_ = 0;
  int depth_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<std::shared_ptr<Scope>> scopes_;
};

/// One level of the evaluation's recursion.
class Runtime::Level {
 public:
  /// \throws Failure  if that is one too many
  explicit Level(Runtime& runtime);
  Level(Level const&) = delete;
  Level& operator=(Level const&) = delete;

  ~Level() { --runtime_.depth_; }

 private:
  Runtime& runtime_;
};

}  // namespace talus::io::jinja
