// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

constexpr std::string_view digits = "0123456789";

// Any number from here on stands for itself: it is refused where it is used.
constexpr std::int64_t too_large = 2 * std::int64_t{max_value_bytes};

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

// One use of the % operator.
class PercentFormatter {
 public:
  PercentFormatter(std::string_view text, Value const& values) : rest_{text}, values_{values} {
    if (values.is(Kind::sequence) && values.as_sequence().is_tuple()) {
      queue_ = values.as_sequence().items();
    } else {
      queue_ = {values};
    }
  }

  std::string run() {
    while (!rest_.empty()) {
      std::size_t const percent = std::min(rest_.find('%'), rest_.size());
      out_ += rest_.substr(0, percent);
      rest_.remove_prefix(percent);
      if (!rest_.empty()) {
        rest_.remove_prefix(1);
        convert();
      }
      if (out_.size() > max_value_bytes) {
        fail("operator %: the result is larger than ", max_value_bytes, " bytes");
      }
    }
    if (num_used_ < queue_.size() && !used_key_ && !may_be_unused()) {
      fail("operator %: not all values are used");
    }
    return std::move(out_);
  }

 private:
  // What could have been looked up by key, in Python's eyes, need not be used.
  [[nodiscard]] bool may_be_unused() const {
    bool const is_indexable = values_.is(Kind::sequence) && values_.as_sequence().is_indexable() &&
                              !values_.as_sequence().is_tuple();
    return is_indexable || values_.is(Kind::dict) || values_.is_undefined();
  }

  char take() {
    if (rest_.empty()) {
      fail("operator %: the format is cut short");
    }
    char const c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  [[nodiscard]] bool is_next_one_of(std::string_view set) const {
    return !rest_.empty() && is_one_of(rest_.front(), set);
  }

  Value next_value() {
    if (num_used_ >= queue_.size()) {
      fail("operator %: not enough values");
    }
    return queue_[num_used_++];
  }

  std::int64_t take_number() {
    if (is_next_one_of("*")) {
      take();
      return std::clamp<std::int64_t>(
          to_integer(next_value(), "operator %"), -too_large, too_large);
    }
    std::int64_t number = 0;
    while (is_next_one_of(digits)) {
      number = std::min<std::int64_t>(number * 10 + (take() - '0'), too_large);
    }
    return number;
  }

  Value take_keyed_value() {
    std::size_t const close = rest_.find(')');
    if (close == std::string_view::npos || !values_.is(Kind::dict)) {
      fail("operator %: a key in the format needs a dict of values");
    }
    Value const* const found = values_.as_dict().find_text(rest_.substr(1, close - 1));
    if (found == nullptr) {
      fail("operator %: no value for the key '", rest_.substr(1, close - 1), '\'');
    }
    rest_.remove_prefix(close + 1);
    used_key_ = true;
    return *found;
  }

  void take_flags(Layout& layout) {
    while (is_next_one_of("-+ 0#")) {
      switch (take()) {
        case '-':
          layout.align = '<';
          break;
        case '+':
          layout.sign = '+';
          break;
        case ' ':
          layout.sign = layout.sign == '+' ? '+' : ' ';
          break;
        case '0':
          is_zero_filled_ = true;
          break;
        default:
          layout.is_alternate = true;
      }
    }
  }

  void convert() {
    Layout layout;
    is_zero_filled_ = false;
    bool const has_key = is_next_one_of("(");
    Value keyed = has_key ? take_keyed_value() : Value{};
    take_flags(layout);
    std::int64_t const width = take_number();
    layout.align = width < 0 ? '<' : layout.align;
    layout.width = static_cast<std::size_t>(std::abs(width));
    if (is_next_one_of(".")) {
      take();
      layout.precision = static_cast<int>(std::max<std::int64_t>(take_number(), 0));
    }
    while (is_next_one_of("hlL")) {
      take();
    }
    layout.type = take();
    if (layout.type == '%') {
      out_ += '%';
      return;
    }
    convert_value(has_key ? std::move(keyed) : next_value(), layout);
  }

  void convert_value(Value const& value, Layout layout) {
    if (is_one_of(layout.type, "sra")) {
      std::string const text = layout.type == 's'   ? to_text(value)
                               : layout.type == 'r' ? to_repr(value)
                                                    : to_ascii(value);
      std::string_view cut = text;
      if (layout.precision >= 0) {
        cut = cut.substr(0, offset_of(cut, static_cast<std::size_t>(layout.precision)));
      }
      out_ += pad(std::string{cut}, layout, '>');
      return;
    }
    if (layout.type == 'c') {
      out_ += pad(character(value), layout, '>');
      return;
    }
    if (is_zero_filled_ && layout.align != '<') {
      layout.fill = '0';
      layout.align = '=';
    }
    out_ += pad(number(value, layout), layout, '>');
  }

  static std::string character(Value const& value) {
    if (value.is_string() && value.as_text().length == 1) {
      return value.as_string();
    }
    std::int64_t const code = to_integer(value, "operator %");
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      fail("operator %: ", code, " is no character");
    }
    return to_utf8(static_cast<char32_t>(code));
  }

  static std::string number(Value const& value, Layout const& layout) {
    bool const is_float = value.is(Kind::floating);
    if (!is_float && !value.is_integral()) {
      fail("operator %: %", layout.type, " needs a number, not ", type_name(value));
    }
    if (is_one_of(layout.type, "eEfFgG")) {
      return format_float(is_float ? value.as_floating() : static_cast<double>(value.as_integer()),
                          layout);
    }
    if (!is_one_of(layout.type, "diu") && (is_float || !is_one_of(layout.type, "oxX"))) {
      fail("operator %: %", layout.type, " can't format a ", type_name(value));
    }
    if (is_float && !(std::fabs(value.as_floating()) < 9.2e18)) {
      fail("operator %: ", print_float(value.as_floating()), " does not fit 64 bits");
    }
    return format_integer(
        is_float ? static_cast<std::int64_t>(value.as_floating()) : value.as_integer(), layout);
  }

  std::string_view rest_;
  Value const& values_;
  std::vector<Value> queue_;
  std::size_t num_used_ = 0;
  bool used_key_ = false;
  bool is_zero_filled_ = false;
  std::string out_;
};

}  // namespace

std::string format_percent(std::string_view text, Value const& values) {
  return PercentFormatter{text, values}.run();
}

}  // namespace talus::io::jinja
