// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "io/chat_template/detail/builtins.hpp"

/// \file
/// The methods of Python's types, by name; null if there is none that a template may use.

namespace talus::io::jinja {

[[nodiscard]] Method find_string_method(std::string_view name) noexcept;
[[nodiscard]] Method find_string_class_method(std::string_view name) noexcept;
[[nodiscard]] Method find_string_search_method(std::string_view name) noexcept;
[[nodiscard]] Method find_sequence_method(std::string_view name) noexcept;
[[nodiscard]] Method find_dict_method(std::string_view name) noexcept;
[[nodiscard]] Method find_number_method(Value const& number, std::string_view name) noexcept;

}  // namespace talus::io::jinja
