// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include "io/requests/audit.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/request_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;
using Names = std::vector<std::string>;

namespace {

std::string request(std::string const& id) {
  return R"({"custom_id":")" + id + "\"}\n";
}

std::string answer(std::string const& id) {
  return R"({"custom_id":")" + id + R"(","response":{},"error":null})" + "\n";
}

std::string error(std::string const& id, int line) {
  return R"({"custom_id":)" + id + R"(,"response":{},"error":{"line":)" + std::to_string(line) +
         "}}\n";
}

Audit audit(std::string const& requests, std::string const& answers) {
  TemporaryFolder const folder;
  return audit_output(write_file(folder.path() / "in", requests),
                      write_file(folder.path() / "out", answers));
}

}  // namespace

TEST_CASE("an output with one line a request is complete, in any order") {
  std::string const requests = request("a") + "\n" + request("b") + "no json\n" + request("a");
  Audit const done =
      audit(requests, error("null", 4) + answer("b") + error("\"a\"", 5) + answer("a"));
  CHECK(done.is_complete());
  CHECK(done.requests == 4);
  CHECK(done.answers == 2);
  CHECK(done.errors == 2);
  CHECK(audit("", "").is_complete());
}

TEST_CASE("what is missing, repeated, unknown or broken is counted and named") {
  std::string const requests = request("a") + request("b") + "no json\n" + request("c");
  Audit const bad = audit(requests,
                          answer("a") + answer("a") + answer("z") + "{\n" + error("null", 9) +
                              "[]\n" + R"({"custom_id":"c"})" + "\n");
  CHECK_FALSE(bad.is_complete());
  CHECK(bad.missing.count == 3);
  CHECK(bad.missing.first == Names{"b", "line 3", "c"});
  CHECK(bad.repeated.first == Names{"a"});
  CHECK(bad.unknown.first == Names{"z", "line 5"});
  CHECK(bad.broken.first == Names{"line 4", "line 6", "line 7"});
}

TEST_CASE("a torn last line is broken, even if it is whole but for its end") {
  std::string line = answer("a");
  line.pop_back();
  Audit const torn = audit(request("a"), line);
  CHECK(torn.broken.count == 1);
  CHECK(torn.missing.count == 1);
}

TEST_CASE("of many cases the first are named") {
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests += request("r" + std::to_string(i));
  }
  Audit const none = audit(requests, "");
  CHECK(none.missing.count == 100);
  CHECK(none.missing.first.size() == most_named);
  CHECK(none.missing.first.back() == "r9");
}

TEST_CASE("files that can't be read are refused by name") {
  TemporaryFolder const folder;
  auto const file = write_file(folder.path() / "in", "");
  CHECK_THROWS_WITH(audit_output(file, folder.path() / "absent"), ContainsSubstring("absent"));
  CHECK_THROWS_WITH(audit_output(folder.path() / "none", file), ContainsSubstring("none"));
  CHECK_THROWS_WITH(audit_output(file, folder.path()), ContainsSubstring("can't be read"));
}
