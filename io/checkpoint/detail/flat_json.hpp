// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include <nlohmann/json.hpp>

namespace talus::io::detail {

/// Reads JSON whose objects may have a hundred thousand keys, as those of checkpoints do.
///
/// parse_json keeps the order of keys at a cost quadratic in their number; here keys are sorted.
/// \throws ConfigError  with `source`, for text that is not JSON, nesting deeper than 16 levels,
/// and a
///                      key given twice
[[nodiscard]] nlohmann::json parse_flat_json(std::string_view text, std::string_view source);

}  // namespace talus::io::detail
