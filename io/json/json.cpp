// SPDX-License-Identifier: Apache-2.0
#include "io/json/json.hpp"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr int max_depth = 200;

// Looks at each parse event for what the library itself lets pass: deep nesting, and a key given
// twice.
class Guard {
 public:
  explicit Guard(std::string_view source) : source_{source} {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (depth > max_depth) {
      throw ConfigError{concat(source_, ": JSON nested deeper than ", max_depth, " levels")};
    }
    if (event == Event::object_start) {
      keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      auto const& key = parsed.get_ref<std::string const&>();
      if (!keys_.back().insert(key).second) {
        throw ConfigError{concat(source_, ": JSON object has the key \"", key, "\" twice")};
      }
    }
    return true;
  }

 private:
  std::string_view source_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view source) {
  try {
    return Json::parse(text.begin(), text.end(), Guard{source});
  } catch (nlohmann::json::exception const& error) {
    std::string_view what = error.what();
    if (auto const end_of_name = what.find("] "); end_of_name != std::string_view::npos) {
      what.remove_prefix(end_of_name + 2);
    }
    throw ConfigError{concat(source, ": not valid JSON: ", what)};
  }
}

std::string read_text_file(std::filesystem::path const& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in || std::filesystem::is_directory(file)) {
    throw ConfigError{concat(file.string(), ": can't be read (", std::strerror(errno), ')')};
  }
  return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

Json read_json_file(std::filesystem::path const& file) {
  return parse_json(read_text_file(file), file.string());
}

}  // namespace talus::io
