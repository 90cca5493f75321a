// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talus::io::detail {

/// The custom_id of a request's line, without parsing the line: the first key of that name of the
/// outermost object, if it has a string that is UTF-8. The rest need not be JSON.
/// Cost: ends at the id; else about a nanosecond a byte.
[[nodiscard]] std::optional<std::string> find_custom_id(std::string_view line);

/// Most keys of one object of a line. The JSON library looks for a key among all before it, so that
/// without a limit one line could keep a rank busy for hours.
inline constexpr int max_object_keys = 1000;

/// Whether an object of the text has more keys than that. Text that is not JSON gives some answer.
[[nodiscard]] bool has_huge_object(std::string_view text);

}  // namespace talus::io::detail
