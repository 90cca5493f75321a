// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/arguments.hpp"

#include <algorithm>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/failure.hpp"

namespace talus::io::jinja {

Parameters::Parameters(Arguments const& arguments,
                       std::string_view function,
                       std::initializer_list<std::string_view> names,
                       std::size_t num_required)
    : function_{function}, values_(names.size(), nullptr) {
  if (arguments.positional.size() > names.size()) {
    fail(function,
         ": ",
         arguments.positional.size(),
         " arguments (takes at most ",
         names.size(),
         ')');
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = &arguments.positional[i];
  }
  for (auto const& [name, value] : arguments.named) {
    auto const found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      fail(function, ": no parameter named '", name, '\'');
    }
    auto const i = static_cast<std::size_t>(found - names.begin());
    if (values_[i] != nullptr) {
      fail(function, ": argument '", name, "' is given twice");
    }
    values_[i] = &value;
  }
  for (std::size_t i = 0; i < num_required; ++i) {
    if (values_[i] == nullptr) {
      fail(function, ": argument '", names.begin()[i], "' is missing");
    }
  }
}

std::int64_t Parameters::integer(std::size_t i, std::int64_t otherwise) const {
  return has(i) ? to_integer(*values_[i], function_) : otherwise;
}

std::string Parameters::text(std::size_t i, std::string_view otherwise) const {
  return has(i) ? text(i) : std::string{otherwise};
}

std::string const& Parameters::text(std::size_t i) const {
  if (values_[i]->is_undefined()) {
    fail(values_[i]->why_undefined());
  }
  if (!values_[i]->is_string()) {
    fail(function_, ": needs a string, got ", type_name(*values_[i]));
  }
  return values_[i]->as_string();
}

bool Parameters::is_true(std::size_t i, bool otherwise) const {
  return has(i) ? jinja::is_true(*values_[i]) : otherwise;
}

}  // namespace talus::io::jinja
