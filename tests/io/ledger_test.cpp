// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/ledger.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "io/files/content_hash.hpp"
#include "io/json/json.hpp"
#include "io/ledger/known_output.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/request_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;

namespace {

Identity const some_run{{"--seed", "3"}, {"input", "abc"}};

FinishedRequest finished(std::int64_t request, std::int64_t end, std::string const& line) {
  return {.request = request, .output_end = end, .line_hash = hash_line(line)};
}

/// A ledger of three requests, one of them an error, and tokens of two others.
std::filesystem::path write_ledger(std::filesystem::path const& folder) {
  auto const path = folder / "out.jsonl.ledger";
  Ledger ledger = Ledger::create(path, some_run, SyncPolicy::none);
  ledger.add_finished(finished(0, 4, "one\n"));
  std::vector<std::string> const payloads{
      format_saved_tokens({.request = 7, .tokens = {1, 2, 3}}),
      format_saved_tokens({.request = 2, .tokens = {9}}),
  };
  ledger.add_saved(payloads);
  FinishedRequest error = finished(2, 8, "two\n");
  error.is_error = true;
  ledger.add_finished(error);
  std::vector<std::string> const more{
      format_saved_tokens({.request = 7, .first = 3, .tokens = {4}})};
  ledger.add_saved(more);
  ledger.add_finished(finished(1, 14, "three\n"));
  ledger.close();
  return path;
}

}  // namespace

TEST_CASE("a ledger tells what was put into it") {
  TemporaryFolder const folder;
  auto const path = write_ledger(folder.path());

  auto const contents = read_ledger(path);
  REQUIRE(contents);
  CHECK(contents->identity == some_run);
  REQUIRE(contents->finished.size() == 3);
  CHECK(contents->finished[0] == finished(0, 4, "one\n"));
  CHECK(contents->finished[1].is_error);
  CHECK(contents->finished[2].request == 1);
  REQUIRE(contents->saved.size() == 2);  // request 2 is finished
  auto const saved = read_saved_tokens(path, contents->saved);
  REQUIRE(saved.size() == 1);
  CHECK(saved.front().tokens == std::vector<std::int32_t>{1, 2, 3, 4});
  CHECK(contents->whole_bytes == contents->file_bytes);
}

TEST_CASE("a ledger cut anywhere is good up to its last whole record") {
  TemporaryFolder const folder;
  std::string const all = read_text_file(write_ledger(folder.path()));
  auto const torn = folder.path() / "torn";
  std::size_t most = 0;
  std::int64_t last_whole = 0;
  for (std::size_t bytes = 0; bytes <= all.size(); ++bytes) {
    CAPTURE(bytes);
    write_file(torn, all.substr(0, bytes));
    auto const contents = read_ledger(torn);
    std::size_t const known = contents ? contents->finished.size() : 0;
    REQUIRE(known >= most);  // what was known stays known
    most = known;
    if (contents) {
      REQUIRE(contents->whole_bytes <= static_cast<std::int64_t>(bytes));
      REQUIRE(contents->whole_bytes >= last_whole);
      last_whole = contents->whole_bytes;
      Ledger ledger = Ledger::reopen(torn, SyncPolicy::none);
      std::int64_t const end = known == 0 ? 0 : contents->finished.back().output_end;
      ledger.begin_session(end);
      ledger.add_finished(finished(5, end + 3, "new"));
      ledger.close();
      auto const after = read_ledger(torn);
      REQUIRE(after);
      REQUIRE(after->finished.size() == known + 1);
      REQUIRE(after->whole_bytes == after->file_bytes);
    }
  }
  CHECK(most == 3);
}

TEST_CASE("a ledger with a changed byte is good up to that record") {
  TemporaryFolder const folder;
  auto const path = write_ledger(folder.path());
  std::string const all = read_text_file(path);
  auto const whole = read_ledger(path);
  for (std::size_t at = 0; at < all.size(); ++at) {
    CAPTURE(at);
    std::string damaged = all;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_file(path, damaged);
    auto const contents = read_ledger(path);
    if (contents) {
      REQUIRE(contents->whole_bytes <= static_cast<std::int64_t>(at));
      REQUIRE(contents->identity == some_run);
      for (std::size_t i = 0; i < contents->finished.size(); ++i) {
        REQUIRE(contents->finished[i] == whole->finished[i]);
      }
    }
  }
}

TEST_CASE("what is no ledger is told so") {
  TemporaryFolder const folder;
  auto const path = folder.path() / "x";
  CHECK_FALSE(read_ledger(path));
  for (char const* const text : {"", "a", "{\"custom_id\": \"a\"}\n{\"custom_id\": \"b\"}\n"}) {
    write_file(path, text);
    CHECK_FALSE(read_ledger(path));
    CHECK_THROWS_WITH(Ledger::reopen(path, SyncPolicy::none), ContainsSubstring("not a ledger"));
  }
  // A length beyond the file is not believed.
  write_file(path, std::string(8, 'x') + std::string(4, '\x7F') + std::string(100, '\1'));
  CHECK_FALSE(read_ledger(path));
}

TEST_CASE("a later session takes back the lines that were lost") {
  TemporaryFolder const folder;
  auto const path = write_ledger(folder.path());
  Ledger ledger = Ledger::reopen(path, SyncPolicy::each);
  ledger.begin_session(4);
  ledger.add_finished(finished(1, 10, "three\n"));
  ledger.close();

  auto const contents = read_ledger(path);
  REQUIRE(contents);
  CHECK(contents->num_sessions == 1);
  REQUIRE(contents->finished.size() == 2);
  CHECK(contents->finished[1] == finished(1, 10, "three\n"));
  CHECK(contents->saved.size() == 3);  // request 2 isn't finished any more
}

TEST_CASE("the lines of an output are those of its ledger, or lost, or somebody else's") {
  TemporaryFolder const folder;
  auto const contents = read_ledger(write_ledger(folder.path()));
  auto const output = folder.path() / "out.jsonl";
  std::string const lines = "one\ntwo\nthree\n";

  CHECK(count_known_lines(output, contents->finished) == 0);
  for (std::size_t bytes = 0; bytes <= lines.size(); ++bytes) {
    write_file(output, lines.substr(0, bytes));
    std::size_t const expected = bytes < 4 ? 0 : bytes < 8 ? 1 : bytes < 14 ? 2 : 3;
    CHECK(count_known_lines(output, contents->finished) == expected);
  }
  write_file(output, lines + "{\"torn");
  CHECK(count_known_lines(output, contents->finished) == 3);
  write_file(output, "one\ntwo\nthr" + std::string(3, '\0'));
  CHECK(count_known_lines(output, contents->finished) == 2);
  write_file(output, "one\nTwo\nthree\n");
  CHECK_THROWS_WITH(count_known_lines(output, contents->finished),
                    ContainsSubstring("line 2 is not what was written"));
}

TEST_CASE("a ledger is one job's at a time") {
  TemporaryFolder const folder;
  auto const path = folder.path() / "x";
  Ledger first = Ledger::create(path, some_run, SyncPolicy::none);
  CHECK(first.is_locked());
  // A job that is being killed is waited for.
  std::thread end{[&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    first.close();
  }};
  Ledger const second = Ledger::reopen(path, SyncPolicy::none);
  end.join();
  CHECK_THROWS_WITH(Ledger::reopen(path, SyncPolicy::none, std::chrono::milliseconds{1}),
                    ContainsSubstring("in use"));
  CHECK_THROWS_WITH(Ledger::create(path, some_run, SyncPolicy::none), ContainsSubstring("in use"));
}

TEST_CASE("a full disk is an error that names the ledger") {
  CHECK_THROWS_WITH(Ledger::create("/dev/full", some_run, SyncPolicy::none),
                    ContainsSubstring("/dev/full"));
}

TEST_CASE("what differs between two runs is named") {
  Identity const other{{"--seed", "7"}, {"--dtype", "float32"}, {"input", "abc"}};
  CHECK(describe_difference(some_run, some_run, "the ledger").empty());
  CHECK(describe_difference(other, some_run, "the ledger") ==
        "--seed: this run has 7, the ledger 3; --dtype: this run has float32, the ledger none");
  CHECK(describe_difference(some_run, other, "the manifest") ==
        "--seed: this run has 3, the manifest 7; --dtype: this run has none, the manifest float32");
}

TEST_CASE("hashes of files tell their content, their size, and what is sampled of them") {
  TemporaryFolder const folder;
  std::string text(100'000, 'x');
  auto const file = write_file(folder.path() / "x", text);
  CHECK(hash_file(file) == hash_text(text));
  std::string const spots = hash_spots(file, 8);
  text.back() = 'y';
  write_file(file, text);
  CHECK(hash_file(file) == hash_text(text));
  CHECK(hash_spots(file, 8) != spots);
  CHECK(hash_spots(write_file(file, ""), 8) != spots);
  CHECK(hash_file(file) == hash_text(""));
}
