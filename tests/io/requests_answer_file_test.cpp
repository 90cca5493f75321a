// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include "io/json/json.hpp"
#include "io/requests/answer_file.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/request_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;

TEST_CASE("answers are in the file as soon as they are appended") {
  TemporaryFolder const folder;
  auto const sync = GENERATE(SyncPolicy::none, SyncPolicy::each, SyncPolicy::close);
  auto const output = folder.path() / "out.jsonl";
  AnswerFile file{output, folder.path() / "in.jsonl", Existing::refuse, sync};

  file.append("one\n");
  CHECK(read_text_file(output) == "one\n");
  file.append(std::string(3'000'000, 'x') + "\n");
  file.close();

  CHECK(read_text_file(output) == "one\n" + std::string(3'000'000, 'x') + "\n");
}

TEST_CASE("an existing output is refused, or emptied if that is allowed") {
  TemporaryFolder const folder;
  auto const output = write_file(folder.path() / "out.jsonl", "old");

  CHECK_THROWS_WITH(AnswerFile(output, "-", Existing::refuse), ContainsSubstring("--overwrite"));
  CHECK(read_text_file(output) == "old");
  check_answer_file(output, "-", Existing::overwrite);
  CHECK(read_text_file(output) == "old");
  AnswerFile const file{output, "-", Existing::overwrite};
  CHECK(read_text_file(output).empty());
}

TEST_CASE("the input is never taken as the output, under whatever name") {
  TemporaryFolder const folder;
  auto const input = write_file(folder.path() / "in.jsonl", "requests");
  std::filesystem::create_symlink(input, folder.path() / "symbolic");
  std::filesystem::create_hard_link(input, folder.path() / "hard");
  std::filesystem::create_directory(folder.path() / "sub");

  for (auto const* const name : {"in.jsonl", "symbolic", "hard", "sub/../in.jsonl"}) {
    CAPTURE(name);
    auto const output = folder.path() / name;
    CHECK_THROWS_WITH(AnswerFile(output, input, Existing::overwrite),
                      ContainsSubstring("is the input"));
    CHECK_THROWS_WITH(AnswerFile(input, output, Existing::overwrite),
                      ContainsSubstring("is the input"));
  }
  CHECK(read_text_file(input) == "requests");
}

TEST_CASE("places where no answers can be written are refused without touching them") {
  TemporaryFolder const folder;
  auto const plain = write_file(folder.path() / "plain", "");
  auto const check = [](std::filesystem::path const& output) {
    check_answer_file(output, "in.jsonl", Existing::overwrite);
  };

  CHECK_THROWS_WITH(check("-"), ContainsSubstring("standard output"));
  CHECK_THROWS_WITH(check(""), ContainsSubstring("no name"));
  CHECK_THROWS_WITH(check(folder.path()), ContainsSubstring("is a folder"));
  CHECK_THROWS_WITH(check(folder.path() / "none" / "out"), ContainsSubstring("no folder"));
  CHECK_THROWS_WITH(check(plain / "out"), ContainsSubstring("is not a folder"));
  check(folder.path() / "out");
  CHECK_FALSE(std::filesystem::exists(folder.path() / "out"));
}

TEST_CASE("a file that is kept goes on behind what is good of it") {
  TemporaryFolder const folder;
  auto const output = write_file(folder.path() / "out.jsonl", "one\ntwo\ntorn");

  AnswerFile file{output, "in.jsonl", Existing::keep};
  file.cut(8);
  file.append("three\n");
  CHECK(file.bytes() == 14);
  file.close();

  CHECK(read_text_file(output) == "one\ntwo\nthree\n");
  CHECK_THROWS_WITH(AnswerFile("/dev/null", "in.jsonl", Existing::keep),
                    ContainsSubstring("not a regular file"));
}

TEST_CASE("a folder that is taken away is noticed, and that it came back") {
  TemporaryFolder const folder;
  auto const place = folder.path() / "sub";
  std::filesystem::create_directory(place);
  AnswerFile file{place / "out.jsonl", "in.jsonl", Existing::refuse};
  CHECK(file.is_in_place());

  std::filesystem::rename(place, folder.path() / "away");
  file.append("one\n");
  CHECK_FALSE(file.is_in_place());
  std::filesystem::create_directory(place);
  write_file(place / "out.jsonl", "");
  CHECK_FALSE(file.is_in_place());
  std::filesystem::remove_all(place);
  std::filesystem::rename(folder.path() / "away", place);
  CHECK(file.is_in_place());
}

TEST_CASE("how answers are forced to the disk is one of three words") {
  CHECK(sync_policy("none") == SyncPolicy::none);
  CHECK(sync_policy("each") == SyncPolicy::each);
  CHECK(sync_policy("close") == SyncPolicy::close);
  CHECK_THROWS_WITH(sync_policy("often"), ContainsSubstring("--sync: often (allowed: none"));
}

TEST_CASE("a full disk is an error that names the file") {
  AnswerFile file{"/dev/full", "-", Existing::overwrite};
  CHECK_THROWS_WITH(file.append("answer\n"),
                    ContainsSubstring("/dev/full: can't be written (No space left on device)"));
}
