// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/object.hpp"

namespace talus::io::jinja {

/// How a line is cut into shorter ones.
struct WrapOptions {
  std::size_t width;  ///< code points
  bool breaks_long_words;
  bool breaks_on_hyphens;
};

/// Cuts a line between its words. Blanks at the cuts go.
[[nodiscard]] std::vector<std::string> wrap_line(std::string_view line, WrapOptions const& options);

/// A text in the middle of `width` code points, as Python's str.center() does it.
[[nodiscard]] std::string center_text(std::string_view text,
                                      std::int64_t width,
                                      std::string_view fill);

/// The named arguments of a call, as a dict.
[[nodiscard]] Value named_arguments(Arguments const& arguments);

}  // namespace talus::io::jinja
