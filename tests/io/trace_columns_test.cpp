// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/trace/columns.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

namespace {

using talus::io::ColumnType;
using talus::io::TableSchema;

std::vector<TableSchema> all_schemas() {
  return {talus::io::steps_schema(),
          talus::io::requests_schema(),
          talus::io::preemptions_schema(),
          talus::io::expert_intervals_schema()};
}

std::size_t bytes_of(ColumnType type) {
  switch (type) {
    case ColumnType::int32:
    case ColumnType::float32:
      return 4;
    case ColumnType::string64:
      return 64;
    case ColumnType::finish_reason:
      return 1;
    default:
      return 8;
  }
}

// The rows of the tables of README.md, by the heading that they stand under: "/steps".
std::map<std::string, std::vector<std::string>> tables_of_readme() {
  std::ifstream readme{TALUS_SOURCE_DIR "/io/trace/README.md"};
  std::map<std::string, std::vector<std::string>> tables;
  std::string heading;
  for (std::string line; std::getline(readme, line);) {
    if (line.rfind("### ", 0) == 0) {
      heading = line.substr(4);
    } else if (line.rfind("| `", 0) == 0 && !heading.empty()) {
      tables[heading].push_back(line);
    }
  }
  return tables;
}

}  // namespace

TEST_CASE("the README's tables are the lists of columns") {
  auto const tables = tables_of_readme();
  REQUIRE(tables.size() == all_schemas().size());

  for (auto const& schema : all_schemas()) {
    std::vector<std::string> expected;
    for (auto const& column : schema.columns) {
      expected.push_back(talus::concat("| `",
                                       column.name,
                                       "` | ",
                                       to_string(column.type),
                                       " | ",
                                       column.unit,
                                       " | ",
                                       column.description,
                                       " |"));
    }
    INFO(schema.path);
    REQUIRE(tables.count(schema.path) == 1);
    CHECK(tables.at(schema.path) == expected);
  }
}

TEST_CASE("the README names the version of the schema") {
  std::ifstream readme{TALUS_SOURCE_DIR "/io/trace/README.md"};
  std::string const text{std::istreambuf_iterator<char>{readme}, {}};

  CHECK(text.find(talus::concat("## Schema, version ", talus::io::trace_schema_version)) !=
        std::string::npos);
}

TEST_CASE("columns have names of their own and don't overlap in the row") {
  for (auto const& schema : all_schemas()) {
    INFO(schema.path);
    std::set<std::string> names;
    std::vector<bool> taken(schema.row_bytes);
    for (auto const& column : schema.columns) {
      INFO(column.name);
      CHECK(names.insert(column.name).second);
      CHECK_FALSE(column.unit.empty());
      CHECK_FALSE(column.description.empty());
      REQUIRE(column.offset + bytes_of(column.type) <= schema.row_bytes);
      for (std::size_t i = 0; i < bytes_of(column.type); ++i) {
        CHECK_FALSE(taken[column.offset + i]);
        taken[column.offset + i] = true;
      }
    }
    CHECK(schema.columns.front().name == "rank");
    CHECK(schema.columns.front().offset == 0);
  }
}

TEST_CASE("the derived times of a request follow their definitions") {
  talus::io::RequestRecord record;
  record.arrival = 1;
  record.scheduled = 1.5;
  record.first_token = 3;
  record.finish = 7;
  record.num_output_tokens = 5;

  auto const row = talus::io::to_row(2, record);

  CHECK(row.rank == 2);
  CHECK(row.scheduling_delay == 0.5);
  CHECK(row.ttft == 2);
  CHECK(row.tpot == 1);
  CHECK(row.e2e_latency == 6);
}

TEST_CASE("a request of one token has no time per output token") {
  talus::io::RequestRecord record;
  record.first_token = 1;
  record.finish = 1;
  record.num_output_tokens = 1;

  CHECK(std::isnan(talus::io::to_row(0, record).tpot));
}

TEST_CASE("a request that never ran has no times of running") {
  talus::io::RequestRecord record;
  record.arrival = 1;
  record.finish = 2;

  auto const row = talus::io::to_row(0, record);

  CHECK(std::isnan(row.scheduling_delay));
  CHECK(std::isnan(row.ttft));
  CHECK(row.e2e_latency == 1);
}

TEST_CASE("a long id is cut between characters, and hashed whole") {
  std::string const id = std::string(63, 'a') + "\xc3\xa4" + "tail";  // an umlaut across the limit

  talus::io::CustomId const cut{id};

  CHECK(std::string{cut.text.data(), 63} == std::string(63, 'a'));
  CHECK(cut.text[63] == '\0');
  CHECK(cut.hash != talus::io::CustomId{std::string(63, 'a')}.hash);
}

TEST_CASE("the hash of an id is 64-bit FNV-1a") {
  // Test vectors of draft-eastlake-fnv.
  CHECK(talus::io::CustomId{""}.hash == 0xcbf29ce484222325U);
  CHECK(talus::io::CustomId{"a"}.hash == 0xaf63dc4c8601ec8cU);
  CHECK(talus::io::CustomId{"foobar"}.hash == 0x85944171f73967e8U);
}
