// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "io/chat_template/chat_template.hpp"

#include "tests/support/catch.hpp"

namespace {

using talus::io::ChatTemplate;
using talus::io::Json;
using talus::io::RenderOptions;
using talus::io::TemplateError;

// Reasoning under the names that templates read, as the renderer that made the file gives it.
Json alias_reasoning(Json const& message) {
  for (char const* const name : {"reasoning_content", "thinking", "reasoning"}) {
    if (message.contains(name) && !message[name].is_null()) {
      Json aliased = Json::object();
      aliased["thinking"] = message[name];
      for (auto const& [key, value] : message.items()) {
        aliased[key] = value;
      }
      aliased["reasoning_content"] = message[name];
      return aliased;
    }
  }
  return message;
}

Json variables_of(Json const& row) {
  Json variables = row["kwargs"];
  variables["messages"] = Json::array();
  for (Json const& message : row["messages"]) {
    variables["messages"].push_back(alias_reasoning(message));
  }
  variables["tools"] = row["tools"];
  variables["documents"] = row["documents"];
  return variables;
}

RenderOptions options_of(Json const& row) {
  RenderOptions options;
  if (row.contains("now")) {
    std::tm now{};
    REQUIRE(std::sscanf(row["now"].get<std::string>().c_str(),
                        "%d-%d-%dT%d:%d:%d",
                        &now.tm_year,
                        &now.tm_mon,
                        &now.tm_mday,
                        &now.tm_hour,
                        &now.tm_min,
                        &now.tm_sec) == 6);
    now.tm_year -= 1900;
    now.tm_mon -= 1;
    options.now = now;
  }
  return options;
}

std::string source_of(Json const& row) {
  if (!row.contains("whole")) {
    return row["template"];
  }
  std::filesystem::path const folder{TALUS_TEST_DATA "/templates/whole"};
  return talus::io::read_text_file(folder / row["whole"].get<std::string>());
}

std::string render(Json const& row) {
  auto const chat = ChatTemplate::parse(source_of(row), "test");
  return chat.render(variables_of(row), options_of(row));
}

void check_error(Json const& row) {
  std::string const kind = row["error"]["kind"];
  if (kind == "syntax") {
    CHECK_THROWS_AS(ChatTemplate::parse(source_of(row), "test"), TemplateError);
    return;
  }
  std::optional<std::string> reason;
  try {
    std::string const rendered = render(row);
    INFO("rendered: " << rendered);
  } catch (TemplateError const& error) {
    reason = error.reason();
  }
  CHECK(reason.has_value());
  if (kind == "raised") {
    CHECK(reason == row["error"]["message"].get<std::string>());
  }
}

}  // namespace

TEST_CASE("chat templates render as transformers renders them") {
  std::ifstream file{TALUS_TEST_DATA "/templates/cases.jsonl"};
  std::size_t num_cases = 0;
  for (std::string line; std::getline(file, line); ++num_cases) {
    Json const row = talus::io::parse_json(line, "cases.jsonl");
    INFO(row["name"].get<std::string>() << ": " << row.value("template", ""));
    if (row.contains("error")) {
      check_error(row);
    } else {
      std::string rendered;
      CHECK_NOTHROW(rendered = render(row));
      CHECK(rendered == row["expected"].get<std::string>());
    }
  }
  CHECK(num_cases > 1400);
}
