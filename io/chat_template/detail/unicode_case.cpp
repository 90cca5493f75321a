// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>

#include <utf8proc.h>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/unicode.hpp"
#include "io/chat_template/detail/unicode_tables.hpp"

namespace talus::io::jinja {
namespace {

constexpr char32_t capital_sigma = 0x3A3;
constexpr char32_t final_sigma = 0x3C2;
constexpr char32_t capital_i_with_dot = 0x130;

struct Free {
  void operator()(utf8proc_uint8_t* bytes) const noexcept { std::free(bytes); }
};

utf8proc_int32_t to_int(char32_t code_point) noexcept {
  return static_cast<utf8proc_int32_t>(code_point);
}

char const* expansion_of(std::span<CaseExpansion const> table, char32_t code_point) noexcept {
  auto const found = std::lower_bound(
      table.begin(), table.end(), code_point, [](CaseExpansion const& entry, char32_t c) {
        return entry.letter < c;
      });
  return found != table.end() && found->letter == code_point ? found->text : nullptr;
}

void append_upper(std::string& out, char32_t code_point) {
  if (char const* const text = expansion_of(upper_expansions(), code_point)) {
    out += text;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_toupper(to_int(code_point))));
  }
}

void append_title(std::string& out, char32_t code_point) {
  if (char const* const text = expansion_of(title_expansions(), code_point)) {
    out += text;
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_totitle(to_int(code_point))));
  }
}

bool is_cased(char32_t code_point) noexcept {
  return is_lower(code_point) || is_upper(code_point) || is_title(code_point);
}

bool is_case_ignorable(char32_t code_point) noexcept {
  switch (utf8proc_category(to_int(code_point))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return code_point == '\'' || code_point == '.' || code_point == ':' || code_point == 0xB7 ||
             code_point == 0x2019;
  }
}

// A capital sigma ends its word: a letter before it, none after it.
bool is_final(std::string_view before, std::string_view after) {
  while (!before.empty() && is_case_ignorable(last_code_point(before))) {
    before.remove_suffix(to_utf8(last_code_point(before)).size());
  }
  if (before.empty() || !is_cased(last_code_point(before))) {
    return false;
  }
  while (!after.empty()) {
    char32_t const next = take_code_point(after);
    if (!is_case_ignorable(next)) {
      return !is_cased(next);
    }
  }
  return true;
}

// Appends the lower case of the code point at the start of `rest`, a suffix of `text`, and cuts it
// off.
void append_lower(std::string& out, std::string_view text, std::string_view& rest) {
  std::string_view const before = text.substr(0, text.size() - rest.size());
  char32_t const code_point = take_code_point(rest);
  if (code_point == capital_sigma && is_final(before, rest)) {
    append_code_point(out, final_sigma);
  } else if (code_point == capital_i_with_dot) {
    out += "i\u0307";
  } else {
    append_code_point(out, static_cast<char32_t>(utf8proc_tolower(to_int(code_point))));
  }
}

}  // namespace

std::string to_upper(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    append_upper(out, take_code_point(text));
  }
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    append_lower(out, text, rest);
  }
  return out;
}

std::string case_fold(std::string_view text) {
  utf8proc_uint8_t* folded = nullptr;
  auto const size = utf8proc_map(reinterpret_cast<utf8proc_uint8_t const*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()),
                                 &folded,
                                 UTF8PROC_CASEFOLD);
  std::unique_ptr<utf8proc_uint8_t, Free> const owner{folded};
  if (size < 0) {
    fail("casefold: ", utf8proc_errmsg(size));
  }
  return {reinterpret_cast<char const*>(folded), static_cast<std::size_t>(size)};
}

std::string to_title(std::string_view text) {
  std::string out;
  bool is_inside = false;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view peek = rest;
    char32_t const code_point = take_code_point(peek);
    if (is_inside) {
      append_lower(out, text, rest);
    } else {
      append_title(out, take_code_point(rest));
    }
    is_inside = is_cased(code_point);
  }
  return out;
}

std::string capitalize(std::string_view text) {
  std::string out;
  std::string_view rest = text;
  if (!rest.empty()) {
    append_title(out, take_code_point(rest));
  }
  while (!rest.empty()) {
    append_lower(out, text, rest);
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view peek = rest;
    char32_t const code_point = take_code_point(peek);
    if (is_upper(code_point)) {
      append_lower(out, text, rest);
    } else if (is_lower(code_point)) {
      append_upper(out, take_code_point(rest));
    } else {
      append_code_point(out, take_code_point(rest));
    }
  }
  return out;
}

}  // namespace talus::io::jinja
