// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace talus::io::tokenizer {

/// The bytes that `text` (RFC 4648, section 4, with padding) stands for; nothing if it is not that.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace talus::io::tokenizer
