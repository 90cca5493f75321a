// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "io/requests/input_index.hpp"
#include "io/requests/request.hpp"
#include "io/requests/spooled_input.hpp"
#include "runtime/base/error.hpp"

#include "tests/io/request_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus::io;
using Catch::Matchers::ContainsSubstring;
using talus::ConfigError;

namespace {

std::string line_of(std::string const& id) {
  return R"({"custom_id":")" + id + "\"}";
}

// Lines with blank ones strewn in, ids repeated now and then, and what the index must say.
struct Sample {
  std::string text;
  std::vector<InputLine> requests;
};

Sample make_sample(int num_requests) {
  Sample sample;
  std::vector<std::string> ids;
  std::uint32_t state = 12345;
  std::int64_t number = 0;
  for (int i = 0; i < num_requests; ++i) {
    state = state * 1664525U + 1013904223U;
    for (std::uint32_t blank = 0; blank < (state >> 28U) % 3U; ++blank, ++number) {
      sample.text += blank == 0 ? " \t\r\n" : "\n";
    }
    bool const repeats = !ids.empty() && (state >> 16U) % 10U == 0;
    ids.push_back(repeats ? ids[state % ids.size()] : "id-" + std::to_string(i));
    auto line = line_of(ids.back()) + std::string((state >> 8U) % 50U, ' ');
    sample.text += line + "\n";
    sample.requests.push_back({line, ++number, repeats});
  }
  return sample;
}

std::vector<InputLine> read_all(RequestReader& reader, std::int64_t count) {
  std::vector<InputLine> lines;
  for (std::int64_t at = 0; at < reader.index().num_requests(); at += count) {
    auto const some = reader.read(at, count);
    lines.insert(lines.end(), some.begin(), some.end());
  }
  return lines;
}

}  // namespace

TEST_CASE("the index counts requests and finds those that repeat a custom_id") {
  TemporaryFolder const folder;
  auto const sample = make_sample(3000);
  auto const file = write_file(folder.path() / "in.jsonl", sample.text);

  auto const index = index_input(file);

  REQUIRE(index.num_requests() == 3000);
  CHECK(index.file_bytes() == sample.text.size());
  CHECK(index.marks().size() == 12);
  std::int64_t num_duplicates = 0;
  for (std::size_t i = 0; i < sample.requests.size(); ++i) {
    REQUIRE(index.is_duplicate(static_cast<std::int64_t>(i)) == sample.requests[i].is_duplicate);
    num_duplicates += sample.requests[i].is_duplicate ? 1 : 0;
  }
  CHECK(num_duplicates > 100);
  CHECK(index.num_duplicates() == num_duplicates);
}

TEST_CASE("a small limit of hashes finds the same in several passes") {
  TemporaryFolder const folder;
  auto const file = write_file(folder.path() / "in.jsonl", make_sample(2000).text);
  auto const index = index_input(file);
  auto const limit = GENERATE(50UL, 333UL, 1999UL);
  CHECK(index_input(file, limit) == index);
}

TEST_CASE("an index comes back from its bytes, and other bytes are refused") {
  TemporaryFolder const folder;
  auto const index = index_input(write_file(folder.path() / "in.jsonl", make_sample(700).text));

  auto bytes = index.to_bytes();

  CHECK(InputIndex::from_bytes(bytes) == index);
  CHECK(InputIndex::from_bytes(InputIndex{}.to_bytes()) == InputIndex{});
  CHECK_THROWS_AS(InputIndex::from_bytes(std::span{bytes}.first(10)), ConfigError);
  CHECK_THROWS_AS(InputIndex::from_bytes(std::span{bytes}.first(bytes.size() - 1)), ConfigError);
  bytes[0] ^= std::byte{1};
  CHECK_THROWS_AS(InputIndex::from_bytes(bytes), ConfigError);
}

TEST_CASE("requests are read in any portion, with their lines' numbers") {
  TemporaryFolder const folder;
  auto const sample = make_sample(1500);
  auto const file = write_file(folder.path() / "in.jsonl", sample.text);
  RequestReader reader{file, index_input(file)};

  CHECK(read_all(reader, 1) == sample.requests);
  CHECK(read_all(reader, 64) == sample.requests);
  CHECK(read_all(reader, 10000) == sample.requests);
}

TEST_CASE("requests are read from any place, forwards and backwards") {
  TemporaryFolder const folder;
  auto const sample = make_sample(1500);
  auto const file = write_file(folder.path() / "in.jsonl", sample.text);
  RequestReader reader{file, index_input(file)};

  for (std::int64_t const first : {1499, 0, 255, 256, 257, 1023, 700, 701, 699, 1280, 3}) {
    CAPTURE(first);
    auto const lines = reader.read(first, 3);
    auto const expected = std::min<std::size_t>(3, 1500 - static_cast<std::size_t>(first));
    REQUIRE(lines.size() == expected);
    CHECK(std::equal(lines.begin(), lines.end(), sample.requests.begin() + first));
  }
  CHECK(reader.read(1500, 5).empty());
  CHECK(reader.read(10, 0).empty());
}

TEST_CASE("a byte order mark, a missing last line break and carriage returns do no harm") {
  TemporaryFolder const folder;
  auto const file = write_file(folder.path() / "in.jsonl",
                               "\xEF\xBB\xBF" + line_of("a") + "\r\n\n" + line_of("b"));
  RequestReader reader{file, index_input(file)};

  auto const lines = reader.read(0, 9);

  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == line_of("a") + "\r");
  CHECK(lines[1] == InputLine{line_of("b"), 3, false});
  CHECK(reader.read(0, 1)[0] == lines[0]);
}

TEST_CASE("files without a request have an empty index") {
  TemporaryFolder const folder;
  CHECK(index_input(write_file(folder.path() / "a", "")).num_requests() == 0);
  CHECK(index_input(write_file(folder.path() / "b", "\n \n\t\n")).num_requests() == 0);
}

TEST_CASE("lines longer than any buffer are read whole, up to the limit") {
  TemporaryFolder const folder;
  std::string const long_line = line_of("a") + std::string(5'000'000, ' ') + "x";
  std::string const too_long(max_line_bytes + 1000, 'y');
  auto const file = write_file(folder.path() / "in.jsonl",
                               long_line + "\n" + too_long + "\n" + line_of("b") + "\n" + too_long);
  RequestReader reader{file, index_input(file)};

  auto const lines = reader.read(0, 9);

  REQUIRE(lines.size() == 4);
  CHECK(lines[0].text == long_line);
  CHECK(lines[1].text.size() == max_line_bytes + 1);
  CHECK(lines[2] == InputLine{line_of("b"), 3, false});
  CHECK(lines[3].text.size() == max_line_bytes + 1);
}

TEST_CASE("ids are compared as what they mean, and lines without one are no duplicates") {
  TemporaryFolder const folder;
  auto const file =
      write_file(folder.path() / "in.jsonl",
                 R"({"custom_id":"\u0061\n"})"
                 "\n"
                 R"({"body":{"custom_id":"x","s":"}\""},"custom\u005fid" : "a\u000a"})"
                 "\n"
                 "oops\noops\n"
                 R"({"custom_id":5})"
                 "\n"
                 R"({"custom_id":5})"
                 "\n"
                 R"({"custom_id":"x"})");
  auto const index = index_input(file);

  REQUIRE(index.num_requests() == 7);
  CHECK(index.is_duplicate(1));
  CHECK(index.num_duplicates() == 1);
}

TEST_CASE("inputs that can't be read, or change, are refused") {
  TemporaryFolder const folder;
  auto const file = write_file(folder.path() / "in.jsonl", make_sample(10).text);
  auto const index = index_input(file);

  CHECK_THROWS_WITH(index_input(folder.path() / "none"), ContainsSubstring("can't be read"));
  CHECK_THROWS_WITH(index_input(folder.path()), ContainsSubstring("not a regular file"));
  write_file(file, make_sample(9).text);
  CHECK_THROWS_WITH(RequestReader(file, index), ContainsSubstring("must not change"));
  write_file(file, std::string(index.file_bytes(), ' '));
  RequestReader reader{file, index};
  CHECK_THROWS_WITH(reader.read(0, 1), ContainsSubstring("must not change"));
}

TEST_CASE("a stream is kept in a file beside the output for as long as it is needed") {
  TemporaryFolder const folder;
  auto const text = make_sample(20).text;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<::ssize_t>(text.size()));
  ::close(ends[1]);
  auto const output = folder.path() / "out.jsonl";
  auto const kept = folder.path() / "out.jsonl.input";

  {
    SpooledInput const spooled{ends[0], output, Existing::refuse};

    CHECK(spooled.path() == kept);
    CHECK(index_input(spooled.path()).num_requests() == 20);
  }

  CHECK_FALSE(std::filesystem::exists(kept));
  ::close(ends[0]);
}

TEST_CASE("a stream is refused where it can't be kept, and a file that is there stays") {
  TemporaryFolder const folder;
  auto const kept = write_file(folder.path() / "out.input", "mine");
  int const nothing = ::open("/dev/null", O_RDONLY);

  CHECK_THROWS_WITH(SpooledInput(nothing, folder.path() / "out", Existing::refuse),
                    ContainsSubstring("out.input"));
  CHECK(std::filesystem::file_size(kept) == 4);
  CHECK_THROWS_AS(SpooledInput(-1, folder.path() / "other", Existing::refuse), ConfigError);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "other.input"));
  SpooledInput const replaced{nothing, folder.path() / "out", Existing::overwrite};
  CHECK(std::filesystem::file_size(kept) == 0);
  ::close(nothing);
}
