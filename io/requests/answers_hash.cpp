// SPDX-License-Identifier: Apache-2.0
#include "io/requests/answers_hash.hpp"

#include <fstream>
#include <string_view>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "io/files/content_hash.hpp"
#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

/// Takes away what may vary from run to run. \return its custom_id
std::string strip(Json& line, std::string const& place) {
  bool const is_answer =
      line.is_object() && line.contains("custom_id") && line.contains("response");
  if (!is_answer) {
    throw ConfigError{concat(place, ": no line of a batch's output")};
  }
  line.erase("id");
  if (Json& response = line["response"]; response.is_object()) {
    response.erase("request_id");
    if (auto const body = response.find("body"); body != response.end() && body->is_object()) {
      for (char const* const key : {"id", "created", "x_talus"}) {
        body->erase(key);
      }
    }
  }
  Json const& id = line["custom_id"];
  return id.is_string() ? id.get<std::string>() : id.dump();
}

}  // namespace

AnswerHashes hash_answers(std::filesystem::path const& output) {
  std::ifstream in{output, std::ios::binary};
  if (!in || std::filesystem::is_directory(output)) {
    throw ConfigError{concat(output.string(), ": can't be read")};
  }
  AnswerHashes hashes;
  std::string text;
  for (std::int64_t number = 1; std::getline(in, text); ++number) {
    std::string const place = concat(output.string(), ", line ", number);
    Json line = parse_json(text, place);
    std::string const id = strip(line, place);
    std::string const said = line.dump();
    hashes[id] += XXH3_64bits(said.data(), said.size());
  }
  return hashes;
}

std::string combine(AnswerHashes const& hashes) {
  std::string text;
  for (auto const& [id, hash] : hashes) {
    text += Json{id, hash}.dump();
  }
  return hash_text(text);
}

}  // namespace talus::io
