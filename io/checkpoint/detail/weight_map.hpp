// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace talus::io::detail {

/// Tensor names, and the name of the file that each is in.
using WeightMap = std::map<std::string, std::string, std::less<>>;

/// Reads the "weight_map" of a checkpoint's index.
///
/// Names come from a downloaded file: one that leads out of the index's directory is refused.
/// \param source  what to call the text in an error: the index's file name
/// \throws ConfigError  if it is not JSON, or has no such map
[[nodiscard]] WeightMap parse_weight_map(std::string_view text, std::string const& source);

}  // namespace talus::io::detail
