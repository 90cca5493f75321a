// SPDX-License-Identifier: Apache-2.0
#include "io/json/json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <unordered_set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::size_t shown_value_bytes = 80;
constexpr std::size_t shown_text_bytes = 200;
constexpr std::size_t shown_reason_bytes = 300;

// The text, or as much of it as ends with a whole character of UTF-8 before `most` bytes.
std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) {
    return text;
  }
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "...";
}

// Makes a value of the events of the library's parser. Its own way of doing that looks each key up
// among all keys before it, which for a hostile object takes hours.
class Builder {
 public:
  Builder(Json& root, std::string_view source) : root_{&root}, source_{source} {}

  // What the library calls, with its names and types.

  bool null() { return add(nullptr); }

  bool boolean(bool value) { return add(value); }

  bool number_integer(Json::number_integer_t value) { return add(value); }

  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }

  bool number_float(Json::number_float_t value, std::string const& /*text*/) { return add(value); }

  bool string(std::string& value) { return add(std::move(value)); }

  bool binary(Json::binary_t& value) { return add(std::move(value)); }

  bool start_object(std::size_t /*size*/) { return open(Json::object()); }

  bool start_array(std::size_t /*size*/) { return open(Json::array()); }

  bool end_object() { return close(); }

  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = levels_.back();
    auto& object = level.value->get_ref<Json::object_t&>();
    if (has_key(level, object, name)) {
      throw ConfigError{
          concat(source_, ": JSON object has the key \"", show_text(name), "\" twice")};
    }
    Members& members = object;
    members.emplace_back(std::move(name), nullptr);
    member_ = &members.back().second;
    return true;
  }

  bool parse_error(std::size_t /*byte*/, std::string const& /*token*/, Json::exception const& why) {
    throw ConfigError{concat(source_, ": not valid JSON: ", json_reason(why))};
  }

 private:
  using Members = Json::object_t::Container;

  static constexpr std::size_t few_keys = 16;  // that searching one by one finds as fast

  struct Level {
    Json* value = nullptr;
    std::unordered_set<std::string> keys{};  // once there are more than a few
  };

  static bool has_key(Level& level, Json::object_t const& object, std::string const& name) {
    if (object.size() < few_keys) {
      return std::any_of(
          object.begin(), object.end(), [&](auto const& member) { return member.first == name; });
    }
    if (object.size() == few_keys) {
      for (auto const& member : object) {
        level.keys.insert(member.first);
      }
    }
    return !level.keys.insert(name).second;
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  Json& place(Json&& value) {
    if (++num_values_ > max_json_values) {
      throw ConfigError{concat(source_, ": JSON of more than ", max_json_values, " values")};
    }
    if (levels_.empty()) {
      return *root_ = std::move(value);
    }
    if (levels_.back().value->is_array()) {
      auto& elements = levels_.back().value->get_ref<Json::array_t&>();
      elements.push_back(std::move(value));
      return elements.back();
    }
    return *member_ = std::move(value);
  }

  bool open(Json&& empty) {
    if (levels_.size() == static_cast<std::size_t>(max_json_depth)) {
      throw ConfigError{concat(source_, ": JSON nested deeper than ", max_json_depth, " levels")};
    }
    Json& placed = place(std::move(empty));
    levels_.push_back({&placed});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  Json* root_;
  std::string_view source_;
  std::vector<Level> levels_;
  Json* member_ = nullptr;  // where the value of the last key goes
  std::int64_t num_values_ = 0;
};

template <class Value>
std::string show(Value const& value) {
  if (value.is_structured() && value.size() > shown_value_bytes) {
    return concat(value.type_name(), " of ", value.size(), " values");
  }
  return cut(value.dump(-1, ' ', false, Value::error_handler_t::replace), shown_value_bytes);
}

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  Json root;
  Builder builder{root, source};
  Json::sax_parse(text.begin(), text.end(), &builder);
  return root;
}

std::string read_text_file(std::filesystem::path const& file) {
  std::error_code error;
  auto const status = std::filesystem::status(file, error);
  if (error) {
    throw ConfigError{concat(file.string(), ": can't be read (", error.message(), ')')};
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw ConfigError{concat(file.string(), ": can't be read (not a regular file)")};
  }
  std::ifstream in{file, std::ios::binary | std::ios::ate};
  if (!in) {
    throw ConfigError{concat(file.string(), ": can't be read (", std::strerror(errno), ')')};
  }
  auto const bytes = static_cast<std::int64_t>(in.tellg());
  if (bytes > max_text_file_bytes) {
    throw ConfigError{concat(
        file.string(), ": ", bytes, " bytes (at most ", max_text_file_bytes, " in such a file)")};
  }
  std::string text(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 0)), '\0');
  in.seekg(0);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (bytes < 0 || in.gcount() != static_cast<std::streamsize>(text.size())) {
    throw ConfigError{concat(file.string(), ": can't be read to its end, at offset ", bytes)};
  }
  return text;
}

Json read_json_file(std::filesystem::path const& file) {
  return parse_json(read_text_file(file), file.string());
}

std::string show_json(Json const& value) {
  return show(value);
}

std::string show_json(nlohmann::json const& value) {
  return show(value);
}

std::string json_reason(std::exception const& error) {
  std::string_view what = error.what();
  if (auto const end_of_name = what.find("] "); end_of_name != std::string_view::npos) {
    what.remove_prefix(end_of_name + 2);
  }
  return cut(std::string{what}, shown_reason_bytes);
}

std::string show_text(std::string_view text) {
  std::string const quoted =
      nlohmann::json(cut(std::string{text.substr(0, 4 * shown_text_bytes)}, shown_text_bytes))
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace talus::io
