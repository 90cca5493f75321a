// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/grid_choice.hpp"
#include "runtime/engine/memory_budget.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using io::Json;
namespace fs = std::filesystem;

namespace {

/// What each field of each config is replaced by, one at a time.
std::vector<Json> values() {
  std::vector<Json> all;
  for (char const* const text : {"null",
                                 "true",
                                 "\"\"",
                                 "\"x\"",
                                 "[]",
                                 "{}",
                                 "[0]",
                                 "[\"x\"]",
                                 "-1",
                                 "0",
                                 "1",
                                 "2",
                                 "3",
                                 "7",
                                 "0.5",
                                 "-0.0",
                                 "1e-300",
                                 "1e300",
                                 "65536",
                                 "1073741824",
                                 "2147483647",
                                 "2147483648",
                                 "4294967296",
                                 "9223372036854775807",
                                 "18446744073709551615"}) {
    all.push_back(Json::parse(text));
  }
  return all;
}

/// The paths of all fields, nested ones too.
void find_fields(Json const& value,
                 Json::json_pointer const& at,
                 std::vector<Json::json_pointer>& all) {
  for (auto const& [key, inner] : value.items()) {
    all.push_back(at / key);
    if (inner.is_object()) {
      find_fields(inner, at / key, all);
    }
  }
}

/// Plans memory for a spec on some grids, as a run would before it opens the weights.
void plan(ModelSpec const& spec) {
  kernels::ExecContext const exec{kernels::Backend::kokkos};
  for (int const num_ranks : {1, 12}) {
    auto const shape = choose_grid(
        exec,
        {},
        spec,
        {.num_ranks = num_ranks, .ranks_on_node = 2, .available = 1LL << 36, .weights = {}});
    ShardPlace const place{.pp_size = shape.pp, .tp_size = shape.tp, .ep_size = shape.ep};
    std::int64_t const length = std::min(spec.max_position, std::int64_t{1} << 24);
    MemoryBudget const budget = plan_memory(exec,
                                            spec,
                                            place,
                                            {.weights = {},
                                             .kv_dtype = DType::f32,
                                             .max_num_seqs = 65536,
                                             .max_num_batched_tokens = std::int64_t{1} << 24,
                                             .max_model_len = length,
                                             .block_tokens = 1024,
                                             .available = std::int64_t{1} << 36,
                                             .kv_cache = std::nullopt,
                                             .num_blocks = std::nullopt});
    check_budget(budget, length);
  }
}

struct Counts {
  int refused = 0;
  int planned = 0;
};

/// Reads a changed config, and plans with it if it is none that is refused.
void read_and_plan(Json const& config, Counts& counts) {
  ModelSpec spec;
  try {
    spec = read_model_spec(config, "config.json");
  } catch (ConfigError const& error) {
    std::string const what = error.what();
    REQUIRE(what.find("config.json") != std::string::npos);
    REQUIRE(what.size() < 4096);
    ++counts.refused;
    return;
  }
  try {
    plan(spec);
    ++counts.planned;
  } catch (ConfigError const& error) {
    REQUIRE(std::string{error.what()}.size() < 4096);
    ++counts.refused;
  }
}

}  // namespace

TEST_CASE("every field of every family's config may be anything: it is refused or can be planned") {
  Counts counts;
  for (auto const& entry : fs::directory_iterator{fs::path{TALUS_TEST_DATA} / "models"}) {
    fs::path const file = entry.path() / "config.json";
    if (!fs::exists(file)) {
      continue;
    }
    Json const sound = io::read_json_file(file);
    std::vector<Json::json_pointer> fields;
    find_fields(sound, Json::json_pointer{}, fields);
    for (Json::json_pointer const& field : fields) {
      for (Json const& value : values()) {
        CAPTURE(file.string(), field.to_string(), value.dump());
        Json config = sound;
        config[field] = value;
        read_and_plan(config, counts);
      }
    }
  }
  CHECK(counts.refused > 1000);
  CHECK(counts.planned > 1000);
}
