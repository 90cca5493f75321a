// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/flat_json.hpp"

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr int max_depth = 16;

}  // namespace

nlohmann::json parse_flat_json(std::string_view text, std::string_view source) {
  std::vector<std::unordered_set<std::string>> keys;
  std::int64_t num_values = 0;
  auto const guard = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > max_depth) {
      throw ConfigError{concat(source, ": JSON nested deeper than ", max_depth, " levels")};
    }
    if (++num_values > 2 * max_json_values) {  // keys and ends are events as well
      throw ConfigError{concat(source, ": JSON of more than ", max_json_values, " values")};
    }
    if (event == Event::object_start) {
      keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (event == Event::key) {
      auto const& key = parsed.get_ref<std::string const&>();
      if (!keys.back().insert(key).second) {
        throw ConfigError{concat(source, ": the name \"", show_text(key), "\" is given twice")};
      }
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text.begin(), text.end(), guard);
  } catch (nlohmann::json::exception const& error) {
    throw ConfigError{concat(source, ": not valid JSON: ", json_reason(error))};
  }
}

}  // namespace talus::io::detail
