// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace talus::api {

/// The message of an error of ours without the place in our code.
[[nodiscard]] inline std::string without_place(std::string text) {
  std::size_t const place = text.rfind(" [");
  return place == std::string::npos || text.back() != ']' ? text : text.substr(0, place);
}

}  // namespace talus::api
