// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace talus {

/// The text of an Error without the place in our code, " [file:line]", which it ends with: for who
/// can do nothing with that, or throws the text again.
[[nodiscard]] inline std::string without_place(std::string_view text) {
  std::size_t const place = text.rfind(" [");
  bool const has_place = place != std::string_view::npos && text.back() == ']';
  return std::string{has_place ? text.substr(0, place) : text};
}

}  // namespace talus
