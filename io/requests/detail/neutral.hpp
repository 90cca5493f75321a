// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "io/json/json.hpp"

namespace talus::io::detail {

/// A parameter that Talus knows of and does not support.
struct UnsupportedParam {
  std::string_view name;
  std::string_view
      neutral;           ///< the values that change nothing, as a JSON array; null always is one
  std::string_view why;  ///< what to say of other values
};

/// The entry of OpenAI's and vLLM's parameters of that name, none if there is none.
[[nodiscard]] std::optional<UnsupportedParam> find_unsupported(std::string_view name);

/// Whether the value is one of those that change nothing.
[[nodiscard]] bool is_neutral(UnsupportedParam const& param, Json const& value);

}  // namespace talus::io::detail
