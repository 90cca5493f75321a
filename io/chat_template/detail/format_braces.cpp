// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "io/chat_template/detail/access.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/format.hpp"
#include "io/chat_template/detail/print.hpp"

namespace talus::io::jinja {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 18 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::int64_t to_number(std::string_view digits) {
  return std::stoll(std::string{digits});
}

// One use of str.format().
class BraceFormatter {
 public:
  explicit BraceFormatter(Arguments const& arguments) : arguments_{arguments} {}

  std::string run(std::string_view text, int depth) {
    std::string out;
    while (!text.empty()) {
      std::size_t const brace = std::min(text.find_first_of("{}"), text.size());
      out += text.substr(0, brace);
      text.remove_prefix(brace);
      if (text.empty()) {
        break;
      }
      if (text.size() > 1 && text[1] == text[0]) {
        out += text[0];
        text.remove_prefix(2);
        continue;
      }
      out += replace_field(text, depth);
      if (out.size() > max_value_bytes) {
        fail("format: the result is larger than ", max_value_bytes, " bytes");
      }
    }
    return out;
  }

 private:
  // The field at the start of the text, which is cut off.
  std::string replace_field(std::string_view& text, int depth) {
    if (text.front() == '}' || depth == 0) {
      fail("format: ", depth == 0 ? "fields nested too deep" : "single '}' in the text");
    }
    std::size_t const end = field_end(text);
    std::string_view field = text.substr(1, end - 1);
    text.remove_prefix(end + 1);

    std::size_t const name_end = std::min(field.find_first_of("!:"), field.size());
    Value value = look_up(field.substr(0, name_end));
    field.remove_prefix(name_end);
    if (field.starts_with('!')) {
      value = convert(value, field);
    }
    std::string const specification =
        field.starts_with(':') ? run(field.substr(1), depth - 1) : std::string{};
    return format_value(value, specification);
  }

  static std::size_t field_end(std::string_view text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    fail("format: '{' without '}'");
  }

  // !r, !s or !a at the start of the field, which is cut off.
  static Value convert(Value const& value, std::string_view& field) {
    char const kind = field.size() > 1 ? field[1] : '\0';
    field.remove_prefix(std::min<std::size_t>(field.size(), 2));
    if ((kind != 'r' && kind != 's' && kind != 'a') || (!field.empty() && field[0] != ':')) {
      fail("format: wrong conversion behind '!' (r, s and a are allowed)");
    }
    return Value{kind == 'r' ? to_repr(value) : kind == 's' ? to_text(value) : to_ascii(value)};
  }

  Value look_up(std::string_view name) {
    std::size_t const first_end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, first_end));
    name.remove_prefix(first_end);
    while (!name.empty()) {
      bool const is_item = name.front() == '[';
      name.remove_prefix(1);
      std::size_t const end =
          is_item ? name.find(']') : std::min(name.find_first_of(".["), name.size());
      if (end == std::string_view::npos || end == 0) {
        fail("format: a field's name is cut short");
      }
      std::string_view const key = name.substr(0, end);
      value = !is_item         ? get_attribute(value, key)
              : is_number(key) ? get_item(value, Value{to_number(key)})
                               : get_item(value, Value{key});
      name.remove_prefix(end + (is_item ? 1 : 0));
    }
    return value;
  }

  Value argument(std::string_view name) {
    if (name.empty() || is_number(name)) {
      if (name.empty() ? is_numbered_ : num_used_ > 0) {
        fail("format: fields with and without numbers");
      }
      is_numbered_ = !name.empty();
      auto const i = name.empty() ? num_used_++ : static_cast<std::size_t>(to_number(name));
      if (i >= arguments_.positional.size()) {
        fail("format: no argument ", i, " (there are ", arguments_.positional.size(), ')');
      }
      return arguments_.positional[i];
    }
    for (auto const& [known, value] : arguments_.named) {
      if (known == name) {
        return value;
      }
    }
    fail("format: no argument '", name, '\'');
  }

  Arguments const& arguments_;
  std::size_t num_used_ = 0;
  bool is_numbered_ = false;
};

}  // namespace

std::string format_braces(std::string_view text, Arguments const& arguments) {
  constexpr int max_nested_fields = 2;
  return BraceFormatter{arguments}.run(text, max_nested_fields);
}

}  // namespace talus::io::jinja
