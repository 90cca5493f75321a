// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <set>
#include <system_error>

#include "parallel/launcher.hpp"

namespace talus::parallel {

namespace {

// A number with the digits that it was written with: leading zeros belong to a host's name.
struct Numeral {
  int value = 0;
  std::size_t digits = 0;
};

std::optional<Numeral> numeral_of(std::string_view text) {
  int value = 0;
  auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const is_one = error == std::errc{} && rest == text.data() + text.size() && value >= 0;
  return is_one ? std::optional<Numeral>{{value, text.size()}} : std::nullopt;
}

// Cuts at each `mark` that is not inside of brackets.
std::vector<std::string_view> cut(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  std::size_t first = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == mark && depth == 0)) {
      parts.push_back(text.substr(first, i - first));
      first = i + 1;
    } else {
      depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
    }
  }
  return parts;
}

std::string padded(int value, std::size_t digits) {
  std::string const text = std::to_string(value);
  return std::string(digits > text.size() ? digits - text.size() : 0, '0') + text;
}

// The names of one element, such as "r[1-2]n[01-03]": the first brackets here, the rest by itself.
bool expand_element(std::string_view element, std::size_t most, std::vector<std::string>& names) {
  std::size_t const open = element.find('[');
  if (open == std::string_view::npos) {
    names.emplace_back(element);
    return !element.empty() && element.find(']') == std::string_view::npos;
  }
  std::size_t const close = element.find(']', open);
  std::vector<std::string> tails;
  if (close == std::string_view::npos ||
      (close + 1 < element.size() && !expand_element(element.substr(close + 1), most, tails))) {
    return false;
  }
  if (tails.empty()) {
    tails.emplace_back();
  }
  for (std::string_view const range : cut(element.substr(open + 1, close - open - 1), ',')) {
    std::size_t const dash = range.find('-');
    auto const first = numeral_of(range.substr(0, dash));
    auto const last = dash == std::string_view::npos ? first : numeral_of(range.substr(dash + 1));
    if (!first || !last) {
      return false;
    }
    for (int value = first->value; value <= last->value && names.size() < most; ++value) {
      for (std::string const& tail : tails) {
        names.push_back(std::string{element.substr(0, open)} + padded(value, first->digits) + tail);
      }
    }
  }
  return true;
}

}  // namespace

std::vector<std::string> expand_host_list(std::string_view list, std::size_t most) {
  std::vector<std::string> names;
  for (std::string_view const element : cut(list, ',')) {
    if (!expand_element(element, most, names)) {
      return {};
    }
  }
  return names;
}

std::vector<std::string> hosts_of_file(std::string_view text) {
  std::vector<std::string> hosts;
  std::set<std::string> known;
  for (std::string_view line : cut(text, '\n')) {
    std::size_t const begin = line.find_first_not_of(" \t\r");
    line = begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
    std::string const host = short_host(line.substr(0, line.find_first_of(" \t\r:#")));
    if (!host.empty() && known.insert(host).second) {
      hosts.push_back(host);
    }
  }
  return hosts;
}

std::string short_host(std::string_view name) {
  bool const is_address = name.find_first_not_of("0123456789.") == std::string_view::npos;
  return std::string{is_address ? name : name.substr(0, name.find('.'))};
}

}  // namespace talus::parallel
