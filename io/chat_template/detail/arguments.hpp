// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/object.hpp"

namespace talus::io::jinja {

/// A call's arguments by the parameters of the function.
class Parameters {
 public:
  /// \param function      its name, for errors
  /// \param names         of the parameters, in the order of positional arguments
  /// \param num_required  how many of them, the first ones, must be given
  /// \throws Failure  for too many or too few arguments, or one of a wrong name
  Parameters(Arguments const& arguments,
             std::string_view function,
             std::initializer_list<std::string_view> names,
             std::size_t num_required = 0);

  [[nodiscard]] bool has(std::size_t i) const { return values_[i] != nullptr; }

  /// True if it is given, and not as none.
  [[nodiscard]] bool has_value(std::size_t i) const { return has(i) && !values_[i]->is_none(); }

  /// \pre has(i)
  [[nodiscard]] Value const& operator[](std::size_t i) const { return *values_[i]; }

  /// The argument, or none.
  [[nodiscard]] Value value_or_none(std::size_t i) const { return has(i) ? *values_[i] : Value{}; }

  /// \throws Failure  if it is given and of another type
  [[nodiscard]] std::int64_t integer(std::size_t i, std::int64_t otherwise = 0) const;
  [[nodiscard]] std::string text(std::size_t i, std::string_view otherwise) const;
  [[nodiscard]] std::string const& text(std::size_t i) const;

  [[nodiscard]] bool is_true(std::size_t i, bool otherwise = false) const;

 private:
  std::string function_;
  std::vector<Value const*> values_;
};

}  // namespace talus::io::jinja
