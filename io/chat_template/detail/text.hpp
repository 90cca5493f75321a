// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// Searching, cutting and replacing in UTF-8 text, as Python's str does it. Offsets are bytes.

namespace talus::io::jinja {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// First place of a needle at or after `from`, or npos. Linear in the sizes, whatever the texts.
[[nodiscard]] std::size_t find_bytes(std::string_view text,
                                     std::string_view needle,
                                     std::size_t from = 0);

/// Last place of a needle, or npos. Linear in the sizes.
[[nodiscard]] std::size_t rfind_bytes(std::string_view text, std::string_view needle);

/// How often a needle is in the text, without overlap. An empty one is between all code points and
/// at both ends.
[[nodiscard]] std::size_t count_occurrences(std::string_view text, std::string_view needle);

/// Replaces the first `limit` occurrences.
///
/// \throws Failure  if the result is larger than a value may be
[[nodiscard]] std::string replace(std::string_view text,
                                  std::string_view from,
                                  std::string_view to,
                                  std::size_t limit = no_limit);

/// Which end of a text.
enum class Side { left, right, both };

/// Without white space at the ends.
[[nodiscard]] std::string_view strip(std::string_view text, Side side = Side::both);

/// Without code points of `characters` at the ends.
[[nodiscard]] std::string_view strip(std::string_view text, std::string_view characters, Side side);

/// Parts between runs of white space; at most `limit` cuts, counted from the left or the right.
[[nodiscard]] std::vector<std::string_view> split_spaces(std::string_view text,
                                                         Side from,
                                                         std::size_t limit = no_limit);

/// Parts between separators; at most `limit` cuts, counted from the left or the right.
///
/// \throws Failure  if the separator is empty
[[nodiscard]] std::vector<std::string_view> split(std::string_view text,
                                                  std::string_view separator,
                                                  Side from,
                                                  std::size_t limit = no_limit);

enum class LineEnds { drop, keep };

/// Lines, as Python knows their ends.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text,
                                                        LineEnds ends = LineEnds::drop);

/// The code points, each a text.
[[nodiscard]] std::vector<std::string_view> split_code_points(std::string_view text);

/// `count` copies of a text.
///
/// \throws Failure  if the result is larger than a value may be
[[nodiscard]] std::string repeat(std::string_view text, std::size_t count);

/// The five characters that HTML gives a meaning, replaced.
[[nodiscard]] std::string escape_html(std::string_view text);

}  // namespace talus::io::jinja
