// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/json_scanner.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/detail/utf8.hpp"

namespace talus::io::detail {
namespace {

// Goes through JSON text without making values of it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {}

  // Whether the next character after white space is `wanted`, which is then passed.
  bool pass(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) {
      return false;
    }
    ++at_;
    return true;
  }

  // Passes a string and gives it with its quotes and escapes; none if there is no whole string.
  std::optional<std::string_view> quoted() {
    skip_space();
    auto const start = at_;
    if (at_ == text_.size() || text_[at_] != '"') {
      return std::nullopt;
    }
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return text_.substr(start, at_ - start);
      }
    }
    at_ = text_.size();
    return std::nullopt;
  }

  // Passes a value of any kind: up to the comma or the bracket that follows it.
  void skip_value() {
    for (std::size_t depth = 0; at_ < text_.size();) {
      char const c = text_[at_];
      if (c == '"') {
        static_cast<void>(quoted());
        continue;
      }
      bool const closes = c == '}' || c == ']';
      if (depth == 0 && (c == ',' || closes)) {
        return;
      }
      if (c == '{' || c == '[') {
        ++depth;
      } else if (closes) {
        --depth;
      }
      ++at_;
    }
  }

 private:
  void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The string that a JSON string stands for; none if it is not one after all.
std::optional<std::string> unquoted(std::string_view quoted) {
  auto const inner = quoted.substr(1, quoted.size() - 2);
  auto const is_special = [](char c) { return c == '\\' || static_cast<unsigned char>(c) < 0x20; };
  if (std::none_of(inner.begin(), inner.end(), is_special)) {
    return is_utf8(inner) ? std::optional{std::string{inner}} : std::nullopt;
  }
  auto const parsed = Json::parse(quoted.begin(), quoted.end(), nullptr, false);
  return parsed.is_string() ? std::optional{parsed.get<std::string>()} : std::nullopt;
}

}  // namespace

std::optional<std::string> find_custom_id(std::string_view line) {
  Scanner scan{line};
  if (!scan.pass('{')) {
    return std::nullopt;
  }
  do {
    auto const key = scan.quoted();
    if (!key || !scan.pass(':')) {
      return std::nullopt;
    }
    if (unquoted(*key) == "custom_id") {
      auto const value = scan.quoted();
      return value ? unquoted(*value) : std::nullopt;
    }
    scan.skip_value();
  } while (scan.pass(','));
  return std::nullopt;
}

bool has_huge_object(std::string_view text) {
  std::vector<int> num_keys;  // of the objects and arrays that are open; an array has none
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char const c = text[at];
    if (c == '\\') {
      ++at;  // what is escaped ends no string
    } else if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      continue;
    } else if (c == '{' || c == '[') {
      num_keys.push_back(0);
    } else if ((c == '}' || c == ']') && !num_keys.empty()) {
      num_keys.pop_back();
    } else if (c == ':' && !num_keys.empty() && ++num_keys.back() > max_object_keys) {
      return true;
    }
  }
  return false;
}

}  // namespace talus::io::detail
