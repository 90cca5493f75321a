// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/arguments.hpp"
#include "io/chat_template/detail/compare.hpp"
#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/filters.hpp"
#include "io/chat_template/detail/print.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja::filters {
namespace {

struct JsonStyle {
  bool is_ascii = false;
  std::optional<std::string> indent;  // of one level; without it all is on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sorts_keys = false;
};

// Writes one value as Python's json.dumps() does.
class JsonWriter {
 public:
  explicit JsonWriter(JsonStyle const& style) : style_{style} {}

  void write(Value const& value) {
    if (out_.size() > max_value_bytes) {
      fail("tojson: more than ", max_value_bytes, " bytes");
    }
    switch (value.kind()) {
      case Kind::string:
        write_string(value.as_string());
        break;
      case Kind::dict:
        write_dict(value.as_dict());
        break;
      case Kind::sequence:
        write_list(value);
        break;
      default:
        out_ += scalar_text(value);
    }
  }

  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  static std::string scalar_text(Value const& value) {
    switch (value.kind()) {
      case Kind::none:
        return "null";
      case Kind::boolean:
        return value.as_boolean() ? "true" : "false";
      case Kind::integer:
        return std::to_string(value.as_integer());
      case Kind::floating:
        return float_text(value.as_floating());
      default:
        fail("tojson: a ", type_name(value), " is not JSON");
    }
  }

  static std::string float_text(double number) {
    if (std::isnan(number)) {
      return "NaN";
    }
    if (std::isinf(number)) {
      return number > 0 ? "Infinity" : "-Infinity";
    }
    return print_float(number);
  }

  void write_unit(char32_t unit) {
    constexpr char const* hex = "0123456789abcdef";
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) {
      out_ += hex[(unit >> shift) & 0xFU];
    }
  }

  void write_character(char32_t c) {
    constexpr std::string_view escaped = "\"\\\n\r\t\f\b";
    constexpr std::string_view letters = "\"\\nrtfb";
    std::size_t const at = c < 0x80 ? escaped.find(static_cast<char>(c)) : escaped.npos;
    if (at != escaped.npos) {
      out_ += {'\\', letters[at]};
    } else if (c < 0x20 || (style_.is_ascii && c >= 0x7F && c < 0x10000)) {
      write_unit(c);
    } else if (style_.is_ascii && c >= 0x10000) {
      write_unit(0xD800 + ((c - 0x10000) >> 10));
      write_unit(0xDC00 + ((c - 0x10000) & 0x3FF));
    } else {
      append_code_point(out_, c);
    }
  }

  void write_string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      write_character(take_code_point(text));
    }
    out_ += '"';
  }

  void write_key(Value const& key) {
    if (key.is_string()) {
      write_string(key.as_string());
    } else if (key.is(Kind::sequence) || key.is(Kind::object) || key.is_undefined()) {
      fail("tojson: a ", type_name(key), " can't be a key in JSON");
    } else {
      out_ += concat('"', scalar_text(key), '"');
    }
  }

  void write_dict(Dict const& dict) {
    auto entries = dict.entries();
    if (style_.sorts_keys) {
      std::stable_sort(entries.begin(), entries.end(), [](auto const& a, auto const& b) {
        return less(a.first, b.first);
      });
    }
    begin('{');
    for (auto const& [key, value] : entries) {
      begin_item();
      write_key(key);
      out_ += style_.key_separator;
      write(value);
    }
    end('}', entries.empty());
  }

  void write_list(Value const& value) {
    Sequence const& sequence = value.as_sequence();
    if (!sequence.is_list_or_tuple()) {
      fail("tojson: a ", type_name(value), " is not JSON");
    }
    begin('[');
    for (Value const& item : sequence.items()) {
      begin_item();
      write(item);
    }
    end(']', sequence.items().empty());
  }

  void begin(char bracket) {
    out_ += bracket;
    ++depth_;
    is_first_ = true;
  }

  void begin_item() {
    out_ += is_first_ ? "" : style_.item_separator;
    is_first_ = false;
    write_line_break();
  }

  void end(char bracket, bool is_empty) {
    --depth_;
    if (!is_empty) {
      write_line_break();
    }
    out_ += bracket;
    is_first_ = false;
  }

  void write_line_break() {
    if (style_.indent) {
      out_ += '\n';
      out_ += repeat(*style_.indent, depth_);
    }
  }

  JsonStyle const& style_;
  std::string out_;
  std::size_t depth_ = 0;
  bool is_first_ = true;
};

JsonStyle parse_style(Parameters const& parameters) {
  JsonStyle style;
  style.is_ascii = parameters.is_true(0);
  if (parameters.has_value(1)) {
    constexpr std::int64_t max_indent = 1000;
    style.indent = parameters[1].is_string()
                       ? parameters.text(1)
                       : repeat(" ",
                                static_cast<std::size_t>(std::clamp<std::int64_t>(
                                    parameters.integer(1), 0, max_indent)));
    style.item_separator = std::string{","};
  }
  if (parameters.has_value(2)) {
    auto const separators = to_sequence(parameters[2]);
    if (separators->items().size() != 2) {
      fail("tojson: separators needs two strings");
    }
    style.item_separator = to_text(separators->items()[0]);
    style.key_separator = to_text(separators->items()[1]);
  }
  style.sorts_keys = parameters.is_true(3);
  return style;
}

}  // namespace

Value tojson(Runtime&, Value const& value, Arguments const& arguments) {
  JsonStyle const style = parse_style(
      Parameters{arguments, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}});
  JsonWriter writer{style};
  writer.write(value);
  return Value{std::move(writer).take()};
}

}  // namespace talus::io::jinja::filters
