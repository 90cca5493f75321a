// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace talus::io::jinja {

/// Python's datetime.now().strftime(format).
///
/// \param now  local date and time; the system's if not set
/// \throws Failure  if the result is longer than a page, or there is no such time
[[nodiscard]] std::string format_time(std::string_view format, std::optional<std::tm> const& now);

}  // namespace talus::io::jinja
