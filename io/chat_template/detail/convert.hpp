// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/chat_template/detail/value.hpp"
#include "io/json/json.hpp"

namespace talus::io::jinja {

/// The template's value for a JSON value.
///
/// \throws Failure  for an integer beyond 64 bits with a sign, text that is not UTF-8, binary data,
///                  and for what is too large or nested too deep
[[nodiscard]] Value to_value(Json const& json);

}  // namespace talus::io::jinja
