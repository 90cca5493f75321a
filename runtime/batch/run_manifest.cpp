// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_manifest.hpp"

#include <nlohmann/json.hpp>

#include "io/files/replace_file.hpp"
#include "io/json/json.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

constexpr int version = 1;  // of the keys

io::Json to_json(io::NamedTexts const& texts) {
  io::Json json = io::Json::object();
  for (auto const& [name, text] : texts) {
    json[name] = text;
  }
  return json;
}

io::NamedTexts from_json(io::Json const& json) {
  io::NamedTexts texts;
  for (auto const& [name, text] : json.items()) {
    texts.emplace_back(name, text.get<std::string>());
  }
  return texts;
}

}  // namespace

std::filesystem::path manifest_of(std::filesystem::path const& output) {
  return output.string() + ".run.json";
}

void write_manifest(std::filesystem::path const& file, RunManifest const& manifest) {
  io::Json const json = {{"version", version},
                         {"state", manifest.state},
                         {"model", manifest.model.string()},
                         {"input", manifest.input.string()},
                         {"output", manifest.output.string()},
                         {"answers",
                          {{"xxh3", manifest.answers},
                           {"answers", manifest.num_answers},
                           {"errors", manifest.num_errors}}},
                         {"identity", to_json(manifest.identity)},
                         {"options", to_json(manifest.options)},
                         {"versions", to_json(manifest.versions)},
                         {"grid",
                          {{"dp", manifest.grid.dp},
                           {"pp", manifest.grid.pp},
                           {"tp", manifest.grid.tp},
                           {"ep", manifest.grid.ep}}},
                         {"host", manifest.host},
                         {"started_at", manifest.started_at},
                         {"elapsed_s", manifest.elapsed_s},
                         {"output_tokens", manifest.output_tokens}};
  io::files::replace_file(file,
                          json.dump(2, ' ', false, io::Json::error_handler_t::replace) + "\n");
}

RunManifest read_manifest(std::filesystem::path const& file) {
  io::Json const json = io::read_json_file(file);
  try {
    if (json.at("version") != version) {
      throw ConfigError{concat(file.string(),
                               ": version ",
                               io::show_json(json.at("version")),
                               " (must be ",
                               version,
                               ')')};
    }
    RunManifest manifest;
    manifest.state = json.at("state");
    manifest.model = json.at("model").get<std::string>();
    manifest.input = json.at("input").get<std::string>();
    manifest.output = json.at("output").get<std::string>();
    manifest.answers = json.at("answers").at("xxh3");
    manifest.num_answers = json.at("answers").at("answers");
    manifest.num_errors = json.at("answers").at("errors");
    manifest.identity = from_json(json.at("identity"));
    manifest.options = from_json(json.at("options"));
    manifest.versions = from_json(json.at("versions"));
    return manifest;
  } catch (nlohmann::json::exception const& error) {
    throw ConfigError{concat(file.string(), ": no manifest of a run (", error.what(), ')')};
  }
}

}  // namespace talus::runtime
