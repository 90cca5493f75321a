// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/model_templates.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tests/support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;
using talus::io::chat_variables;
using talus::io::Json;
using talus::io::load_model_template;
using talus::io::ModelTemplate;
using talus::io::parse_json;
using talus::io::render_chat;
using talus::io::TemplateError;

namespace {

namespace fs = std::filesystem;

// A model's directory, as long as it lives.
class ModelDirectory {
 public:
  ModelDirectory()
      : path_{fs::temp_directory_path() / ("talus_templates_" + std::to_string(::getpid()))} {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }

  ModelDirectory(ModelDirectory const&) = delete;
  ModelDirectory& operator=(ModelDirectory const&) = delete;

  ~ModelDirectory() { fs::remove_all(path_); }

  [[nodiscard]] fs::path const& path() const { return path_; }

  void write(std::string const& name, std::string const& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream{path_ / name} << text;
  }

 private:
  fs::path path_;
};

Json request(std::string const& text) {
  return parse_json(text, "request");
}

Json const hello = request(R"({"messages": [{"role": "user", "content": "Hi"}]})");

}  // namespace

TEST_CASE("a model without a template has none") {
  ModelDirectory const model;
  CHECK_FALSE(load_model_template(model.path()));

  model.write("tokenizer_config.json", R"({"bos_token": "<s>", "chat_template": null})");
  CHECK_FALSE(load_model_template(model.path()));
}

TEST_CASE("templates are found in their order") {
  ModelDirectory const model;
  model.write("chat_template.json", R"({"chat_template": "from chat_template.json"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "from chat_template.json");

  model.write("tokenizer_config.json", R"({"chat_template": "from the config"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "from the config");

  model.write("chat_template.jinja", "from the file");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "from the file");

  model.write("own.jinja", "from the user");
  auto const own = load_model_template(model.path(), model.path() / "own.jinja");
  CHECK(render_chat(own.value(), hello) == "from the user");
  CHECK_THROWS_AS(load_model_template(model.path(), model.path() / "no.jinja"), ConfigError);
}

TEST_CASE("a request with tools gets the template for tools") {
  ModelDirectory const model;
  model.write("tokenizer_config.json", R"({"chat_template": [
      {"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]})");
  auto const templates = load_model_template(model.path()).value();
  Json with_tools = hello;
  with_tools["tools"] = Json::array({Json{{"type", "function"}}});

  CHECK(render_chat(templates, hello) == "plain");
  CHECK(render_chat(templates, with_tools) == "tools");
}

TEST_CASE("additional templates lie in a folder of their own") {
  ModelDirectory const model;
  model.write("chat_template.jinja", "plain");
  model.write("additional_chat_templates/tool_use.jinja", "tools");
  Json with_tools = hello;
  with_tools["tools"] = Json::array();

  CHECK(render_chat(load_model_template(model.path()).value(), with_tools) == "tools");
}

TEST_CASE("without a default template the error says which there are") {
  ModelDirectory const model;
  model.write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  auto const templates = load_model_template(model.path()).value();
  CHECK_THROWS_WITH(render_chat(templates, hello), ContainsSubstring("rag"));
}

TEST_CASE("a template that is broken is named with its line") {
  ModelDirectory const model;
  model.write("chat_template.jinja", "a\n{% if %}");
  CHECK_THROWS_WITH(load_model_template(model.path()),
                    ContainsSubstring("chat_template.jinja, line 2"));

  model.write("chat_template.jinja", "");
  fs::remove(model.path() / "chat_template.jinja");
  model.write("tokenizer_config.json", R"({"chat_template": [{"name": "default"}]})");
  CHECK_THROWS_AS(load_model_template(model.path()), ConfigError);
  model.write("tokenizer_config.json", R"({"chat_template": 5})");
  CHECK_THROWS_AS(load_model_template(model.path()), ConfigError);
}

TEST_CASE("special tokens are variables, strings or objects, from either file") {
  ModelDirectory const model;
  model.write("tokenizer_config.json",
              R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
                  "unk_token": null, "chat_template":
                  "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ unk_token is defined }}"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "<s></s>False");
  model.write("special_tokens_map.json", R"({"bos_token": "other", "pad_token": "<pad>"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "other</s><pad>False");
}

TEST_CASE("special_tokens_map.json is not looked at beside a list of all added tokens") {
  ModelDirectory const model;
  model.write("tokenizer_config.json",
              R"({"bos_token": "<s>", "added_tokens_decoder": {},
                  "chat_template": "{{ bos_token }}{{ pad_token }}"})");
  model.write("special_tokens_map.json", R"({"bos_token": "other", "pad_token": "<pad>"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "<s>");
}

TEST_CASE("a model's own tokens are variables too") {
  ModelDirectory const model;
  model.write("tokenizer_config.json",
              R"({"boi_token": "<boi>", "add_bos_token": true, "eoi_token": {"content": "<eoi>"},
                  "extra_special_tokens": {"image": "<img>"}, "chat_template":
                  "{{ boi_token }}{{ eoi_token }}{{ image }}{{ add_bos_token is defined }}"})");
  CHECK(render_chat(load_model_template(model.path()).value(), hello) == "<boi><eoi><img>False");
  model.write("tokenizer_config.json", R"({"bos_token": 1, "chat_template": "x"})");
  CHECK_THROWS_WITH(load_model_template(model.path()), ContainsSubstring("\"bos_token\""));
}

TEST_CASE("a request's variables are what transformers passes") {
  ModelTemplate const model{{}, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}};

  Json const plain = chat_variables(model, hello);
  CHECK(plain["add_generation_prompt"] == true);
  CHECK(plain["tools"].is_null());
  CHECK(plain["documents"].is_null());
  CHECK(plain["bos_token"] == "<s>");

  Json const full = chat_variables(model, request(R"({"messages": [], "tools": [{"a": 1}],
      "add_generation_prompt": false, "temperature": 0.5,
      "chat_template_kwargs": {"enable_thinking": false, "bos_token": ""}})"));
  CHECK(full["add_generation_prompt"] == false);
  CHECK(full["tools"].size() == 1);
  CHECK(full["enable_thinking"] == false);
  CHECK(full["bos_token"] == "");
  CHECK_FALSE(full.contains("temperature"));
}

TEST_CASE("messages lose what is null, and reasoning gets its names") {
  ModelTemplate const model{{}, {}};
  Json const variables = chat_variables(model, request(R"({"messages": [
      {"role": "assistant", "content": null, "reasoning": "because"},
      {"role": "user", "content": "x", "thinking": null}]})"));
  CHECK(variables["messages"].dump() ==
        R"([{"thinking":"because","role":"assistant","reasoning":"because",)"
        R"("reasoning_content":"because"},{"role":"user","content":"x"}])");
}

TEST_CASE("a request of a wrong form is refused with the key's name") {
  ModelTemplate const model{{}, {}};
  auto const check = [&](std::string const& text, std::string const& word) {
    INFO(text);
    CHECK_THROWS_AS(render_chat(model, request(text)), ConfigError);
    CHECK_THROWS_WITH(render_chat(model, request(text)), ContainsSubstring(word));
  };
  check("[]", "must be an object");
  check("{}", "messages");
  check(R"({"messages": []})", "messages");
  check(R"({"messages": "x"})", "messages");
  check(R"({"messages": ["x"]})", "messages");
  check(R"({"messages": [{}], "tools": {}})", "tools");
  check(R"({"messages": [{}], "documents": [1]})", "documents");
  check(R"({"messages": [{}], "add_generation_prompt": 1})", "add_generation_prompt");
  check(R"({"messages": [{}], "chat_template_kwargs": []})", "chat_template_kwargs");
  check(R"({"messages": [{}], "chat_template_kwargs": {"tools": []}})", "tools");
}

TEST_CASE("the reason of a template that refuses a request is its own") {
  ModelDirectory const model;
  model.write("chat_template.jinja", "{{ raise_exception('system role not supported') }}");
  auto const templates = load_model_template(model.path()).value();
  try {
    static_cast<void>(render_chat(templates, hello));
    FAIL("no error");
  } catch (TemplateError const& error) {
    CHECK(error.reason() == "system role not supported");
  }
}
