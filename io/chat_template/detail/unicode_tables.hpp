// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

/// \file
/// What utf8proc does not tell: mappings of one letter to several, and properties beside the
/// general category. From Unicode's SpecialCasing.txt, PropList.txt and UnicodeData.txt.

namespace talus::io::jinja {

/// Code points of one property, both ends included.
struct CodePointRange {
  char32_t first;
  char32_t last;
};

/// What a letter becomes where that is more than one.
struct CaseExpansion {
  char32_t letter;
  char const* text;
};

[[nodiscard]] std::span<CaseExpansion const> upper_expansions() noexcept;
[[nodiscard]] std::span<CaseExpansion const> title_expansions() noexcept;
[[nodiscard]] std::span<CodePointRange const> other_lowercase() noexcept;
[[nodiscard]] std::span<CodePointRange const> other_uppercase() noexcept;

/// Digits that are not decimal ones, such as superscripts.
[[nodiscard]] std::span<CodePointRange const> other_digits() noexcept;

/// Ideographs that are numbers.
[[nodiscard]] std::span<CodePointRange const> numeric_letters() noexcept;

}  // namespace talus::io::jinja
