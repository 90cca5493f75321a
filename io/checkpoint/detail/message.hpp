// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

namespace talus::io::detail {

/// What an exception says, without the "[file:line]" that Error appends: for a message that another
/// exception is to carry.
[[nodiscard]] std::string message_of(std::exception const& error);

}  // namespace talus::io::detail
