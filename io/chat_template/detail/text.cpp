// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/text.hpp"

#include <algorithm>

#include <string.h>  // memmem, which POSIX and the BSDs have and <cstring> does not

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/unicode.hpp"
#include "io/chat_template/detail/value.hpp"

namespace talus::io::jinja {
namespace {

constexpr std::size_t npos = std::string_view::npos;

void check_size(std::size_t bytes) {
  if (bytes > max_value_bytes) {
    fail("string of ", bytes, " bytes (at most ", max_value_bytes, " are allowed)");
  }
}

// An empty needle is found before each code point, and at the end.
std::string replace_empty(std::string_view text, std::string_view to, std::size_t limit) {
  std::size_t const places = std::min(limit, count_code_points(text) + 1);
  if (!to.empty() && places > max_value_bytes / to.size()) {
    check_size(max_value_bytes + 1);
  }
  std::string out;
  std::size_t done = 0;
  for (; done < places; ++done) {
    out += to;
    if (text.empty()) {
      break;
    }
    append_code_point(out, take_code_point(text));
  }
  out += text;
  return out;
}

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

std::vector<std::string_view> split_spaces_left(std::string_view text, std::size_t limit) {
  std::vector<std::string_view> parts;
  text = strip(text, Side::left);
  while (!text.empty()) {
    if (parts.size() == limit) {
      parts.push_back(text);
      break;
    }
    std::string_view rest = text;
    std::size_t end = text.size();
    while (!rest.empty()) {
      std::size_t const at = text.size() - rest.size();
      if (is_space(take_code_point(rest))) {
        end = at;
        break;
      }
    }
    parts.push_back(text.substr(0, end));
    text = strip(text.substr(end), Side::left);
  }
  return parts;
}

std::vector<std::string_view> split_spaces_right(std::string_view text, std::size_t limit) {
  std::vector<std::string_view> parts;
  text = strip(text, Side::right);
  while (!text.empty()) {
    if (parts.size() == limit) {
      parts.push_back(text);
      break;
    }
    std::string_view word = text;
    while (!word.empty() && !is_space(last_code_point(word))) {
      word.remove_suffix(to_utf8(last_code_point(word)).size());
    }
    parts.push_back(text.substr(word.size()));
    text = strip(word, Side::right);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

template <class Predicate>
std::string_view strip_if(std::string_view text, Side side, Predicate is_dropped) {
  while (side != Side::right && !text.empty()) {
    std::string_view rest = text;
    if (!is_dropped(take_code_point(rest))) {
      break;
    }
    text = rest;
  }
  while (side != Side::left && !text.empty()) {
    char32_t const last = last_code_point(text);
    if (!is_dropped(last)) {
      break;
    }
    text.remove_suffix(to_utf8(last).size());
  }
  return text;
}

}  // namespace

std::size_t find_bytes(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size()) {
    return npos;
  }
  void const* const found =
      ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? npos
                          : static_cast<std::size_t>(static_cast<char const*>(found) - text.data());
}

std::size_t rfind_bytes(std::string_view text, std::string_view needle) {
  std::string const reversed_text{text.rbegin(), text.rend()};
  std::string const reversed_needle{needle.rbegin(), needle.rend()};
  std::size_t const found = find_bytes(reversed_text, reversed_needle);
  return found == npos ? npos : text.size() - found - needle.size();
}

std::size_t count_occurrences(std::string_view text, std::string_view needle) {
  if (needle.empty()) {
    return count_code_points(text) + 1;
  }
  std::size_t count = 0;
  for (std::size_t at = find_bytes(text, needle); at != npos;
       at = find_bytes(text, needle, at + needle.size())) {
    ++count;
  }
  return count;
}

std::string replace(std::string_view text,
                    std::string_view from,
                    std::string_view to,
                    std::size_t limit) {
  if (from.empty()) {
    return replace_empty(text, to, limit);
  }
  std::string out;
  std::size_t done = 0;
  for (std::size_t count = 0; count < limit; ++count) {
    std::size_t const at = find_bytes(text, from, done);
    if (at == npos) {
      break;
    }
    check_size(out.size() + (at - done) + to.size());
    out.append(text.substr(done, at - done)).append(to);
    done = at + from.size();
  }
  out += text.substr(done);
  return out;
}

std::string_view strip(std::string_view text, Side side) {
  return strip_if(text, side, &is_space);
}

std::string_view strip(std::string_view text, std::string_view characters, Side side) {
  std::u32string set;
  while (!characters.empty()) {
    set += take_code_point(characters);
  }
  std::sort(set.begin(), set.end());
  return strip_if(
      text, side, [&](char32_t c) { return std::binary_search(set.begin(), set.end(), c); });
}

std::vector<std::string_view> split_spaces(std::string_view text, Side from, std::size_t limit) {
  return from == Side::left ? split_spaces_left(text, limit) : split_spaces_right(text, limit);
}

std::vector<std::string_view> split(std::string_view text,
                                    std::string_view separator,
                                    Side from,
                                    std::size_t limit) {
  if (separator.empty()) {
    fail("split: empty separator");
  }
  std::vector<std::string_view> parts;
  if (from == Side::left) {
    std::size_t start = 0;
    std::size_t at = 0;
    while (parts.size() < limit && (at = find_bytes(text, separator, start)) != npos) {
      parts.push_back(text.substr(start, at - start));
      start = at + separator.size();
    }
    parts.push_back(text.substr(start));
    return parts;
  }
  std::string const reversed{text.rbegin(), text.rend()};
  std::string const reversed_separator{separator.rbegin(), separator.rend()};
  for (std::string_view const part : split(reversed, reversed_separator, Side::left, limit)) {
    auto const end = text.size() - static_cast<std::size_t>(part.data() - reversed.data());
    parts.push_back(text.substr(end - part.size(), part.size()));
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text, LineEnds ends) {
  std::vector<std::string_view> lines;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t const at = text.size() - rest.size();
    char32_t const c = take_code_point(rest);
    if (!is_line_end(c)) {
      continue;
    }
    if (c == '\r' && !rest.empty() && rest.front() == '\n') {
      rest.remove_prefix(1);
    }
    lines.push_back(text.substr(0, ends == LineEnds::keep ? text.size() - rest.size() : at));
    text = rest;
  }
  if (!text.empty()) {
    lines.push_back(text);
  }
  return lines;
}

std::vector<std::string_view> split_code_points(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    std::string_view rest = text;
    take_code_point(rest);
    parts.push_back(text.substr(0, text.size() - rest.size()));
    text = rest;
  }
  return parts;
}

std::string repeat(std::string_view text, std::size_t count) {
  if (text.empty() || count == 0) {
    return {};
  }
  if (count > max_value_bytes / text.size()) {
    check_size(max_value_bytes + 1);
  }
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (char const c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace talus::io::jinja
