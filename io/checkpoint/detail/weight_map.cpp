// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/weight_map.hpp"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "io/checkpoint/detail/flat_json.hpp"
#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

// Whether it names a file of a directory, and nothing else.
bool is_file_name(std::string const& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view{"/\0", 2}) == std::string::npos;
}

// A value of the map is a file's name or, in rare exporters, an object that holds one.
std::string file_name_of(nlohmann::json const& value, std::string const& where) {
  bool const is_wrapped = value.is_object() && value.size() == 1 && value.begin()->is_string();
  nlohmann::json const& name = is_wrapped ? *value.begin() : value;
  if (!name.is_string()) {
    throw ConfigError{concat(where, ": ", show_json(value), " (expected the name of a file)")};
  }
  auto const& text = name.get_ref<std::string const&>();
  if (!is_file_name(text)) {
    throw ConfigError{concat(
        where, ": \"", show_text(text), "\" (expected the name of a file beside the index)")};
  }
  return text;
}

}  // namespace

WeightMap parse_weight_map(std::string_view text, std::string const& source) {
  auto const parsed = parse_flat_json(text, source);
  auto const map = parsed.is_object() ? parsed.find("weight_map") : parsed.end();
  if (map == parsed.end() || !map->is_object() || map->empty()) {
    throw ConfigError{concat(source,
                             ": no \"weight_map\" (expected an object from tensor names to file"
                             " names)")};
  }
  WeightMap files;
  for (auto const& [tensor, value] : map->items()) {
    auto const where = concat(source, ": tensor \"", show_text(tensor), '"');
    files.emplace(tensor, file_name_of(value, where));
  }
  return files;
}

}  // namespace talus::io::detail
