// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <map>

#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "io/json/json.hpp"
#include "io/requests/request.hpp"

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
using talus::io::Json;
namespace fs = std::filesystem;

namespace {

std::string good(std::string_view id) {
  return concat(R"({"custom_id":")",
                id,
                R"(","method":"POST","url":"/v1/completions",)",
                R"("body":{"prompt":"Hello","max_tokens":3,"ignore_eos":true}})");
}

/// A request with this body after its prompt.
std::string body(std::string_view rest) {
  return concat(R"({"custom_id":"bad","method":"POST","url":"/v1/completions",)",
                R"("body":{"prompt":"x","max_tokens":2,)",
                rest,
                "}}");
}

std::string prompt(std::string_view value) {
  return concat(R"({"custom_id":"bad","method":"POST","url":"/v1/completions","body":{"prompt":)",
                value,
                R"(,"max_tokens":2}})");
}

/// A line, the code of its error, and what the error must say.
struct BadLine {
  std::string line;
  std::string code;
  std::string said;
};

std::vector<BadLine> lines_that_are_none() {
  return {
      {"x", "invalid_json", "line"},
      {"{", "invalid_json", "column"},
      {"[]", "invalid_type", "must be an object"},
      {"\"text\"", "invalid_type", "must be an object"},
      {"{}", "missing_field", "custom_id"},
      {std::string("\0\0\0\0", 4), "invalid_json", "line"},
      {std::string("{\"custom_id\":\"bad\0\"}", 20), "invalid_json", "line"},
      {"\xFF\xFE", "invalid_json", "line"},
      {good("bad") + good("bad"), "invalid_json", "column"},
      {std::string(100'000, '['), "invalid_json", "200 levels"},
      {std::string(1 << 20, ' ') + "{", "invalid_json", "column"},
      {R"({"custom_id":["bad"]})", "invalid_type", "custom_id"},
      {R"({"custom_id":"bad","method":"DELETE"})", "invalid_value", "DELETE"},
      {R"({"custom_id":"bad","method":"POST","url":"/v1/../etc"})", "invalid_value", "/v1/../etc"},
      {R"({"custom_id":"bad","method":"POST","url":"/v1/completions","body":[]})",
       "invalid_type",
       "body"},
  };
}

std::vector<BadLine> requests_that_cannot_be() {
  return {
      {prompt("7"), "invalid_type", "prompt"},
      {prompt("null"), "missing_field", "prompt"},
      {prompt("{}"), "invalid_type", "prompt"},
      {prompt("[1.5]"), "", "1.5"},
      {prompt("[-1]"), "", "-1"},
      {prompt("[99999]"), "", "99999"},
      {prompt("[99999999999999]"), "", "99999999999999"},
      {prompt("[[1]]"), "", "prompt"},
      {prompt("[]"), "", "prompt"},
      {prompt('"' + std::string(10'000, 'x') + '"'), "", "10000"},
      {body(R"("temperature":-1)"), "invalid_value", "temperature"},
      {body(R"("temperature":"hot")"), "invalid_type", "temperature"},
      {body(R"("temperature":1e999)"), "invalid_json", "1e999"},
      {body(R"("top_p":0)"), "invalid_value", "top_p"},
      {body(R"("top_p":[1])"), "invalid_type", "top_p"},
      {body(R"("top_k":-7)"), "invalid_value", "top_k"},
      {body(R"("seed":1e30)"), "", "seed"},
      {body(R"("stop":7)"), "invalid_type", "stop"},
      {body(R"("stop_token_ids":[-1])"), "", "stop_token_ids"},
      {body(R"("logprobs":1000)"), "invalid_value", "logprobs"},
      {body(R"("frobnicate":1)"), "unknown_parameter", "frobnicate"},
      {body(R"("use_beam_search":true)"), "unsupported_parameter", "use_beam_search"},
      {body(R"("seed":1,"seed":2)"), "invalid_json", "\"seed\" twice"},
  };
}

/// Runs each bad line between two good ones, each file with its own.
void check_lines(std::vector<BadLine> const& lines) {
  HostileRun const run;
  for (BadLine const& bad : lines) {
    CAPTURE(bad.line.substr(0, 200));
    run.write_requests(concat(good("before"), '\n', bad.line, '\n', good("after"), '\n'));
    std::map<std::string, Json> answers;
    for (std::string const& line : run.answers()) {
      Json const answer = Json::parse(line);
      answers[answer["error"].is_null() ? answer["custom_id"].get<std::string>() : "bad"] = answer;
    }
    REQUIRE(answers.size() == 3);
    CHECK(answers.count("before") == 1);
    CHECK(answers.count("after") == 1);
    Json const& error = answers["bad"]["error"];
    CHECK(error["line"] == 2);
    if (!bad.code.empty()) {
      CHECK(error["code"] == bad.code);
    }
    auto const message = error["message"].get<std::string>();
    CHECK_THAT(message, ContainsSubstring(bad.said));
    CHECK(message.size() < 1000);
  }
}

}  // namespace

TEST_CASE("a line that is no request is an error of its own") {
  check_lines(lines_that_are_none());
}

TEST_CASE("a request that can't be answered is an error of its own") {
  check_lines(requests_that_cannot_be());
}

TEST_CASE("a line beyond the limit is an error of its own") {
  HostileRun const run;
  std::string const longest(talus::io::max_line_bytes + 10, 'x');
  run.write_requests(concat(good("before"), '\n', longest, '\n', good("after"), '\n'));

  auto const lines = run.answers();

  REQUIRE(lines.size() == 3);
  std::string all;
  for (std::string const& line : lines) {
    CHECK(line.size() < 10'000);
    all += line;
  }
  CHECK_THAT(all, ContainsSubstring("line_too_long") && ContainsSubstring("\"line\":2"));
}

TEST_CASE("files of requests with odd line ends are read") {
  HostileRun const run;
  for (std::string const& text :
       std::vector<std::string>{good("a"),
                                good("a") + "\r\n",
                                concat("\n\n \t\r\n", good("a"), "\n\n\n"),
                                concat("\xEF\xBB\xBF", good("a"), "\n")}) {
    CAPTURE(text);
    run.write_requests(text);
    CHECK(run.answers().size() == 1);
  }
  run.write_requests("");
  CHECK(run.answers().empty());
  run.write_requests("\n\r\n  \n");
  CHECK(run.answers().empty());
  run.write_requests(concat(good("a"), '\n', good("a"), '\n', good("a"), '\n'));
  CHECK(run.answers().size() == 3);
}

TEST_CASE("requests that are no file are refused") {
  HostileRun const run;
  auto const refused = [&](std::function<void(fs::path const& file)> const& make) {
    run.damage([&](fs::path const& model) {
      fs::path const file = model.parent_path() / "in.jsonl";
      fs::remove_all(file);
      make(file);
    });
    std::string const message = run.refusal();
    CHECK_THAT(message, ContainsSubstring("in.jsonl"));
    return message;
  };
  CHECK_THAT(refused([](fs::path const&) {}), ContainsSubstring("No such file"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_directory(file); }),
             ContainsSubstring("not a regular file"));
  CHECK_THAT(refused([](fs::path const& file) { fs::create_symlink(file, file); }),
             ContainsSubstring("symbolic links"));
  if (::geteuid() != 0) {  // root may read everything
    CHECK_THAT(refused([](fs::path const& file) {
                 std::ofstream{file} << good("a");
                 ::chmod(file.c_str(), 0);
               }),
               ContainsSubstring("Permission denied"));
  }
}
