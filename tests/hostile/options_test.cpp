// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>
#include <limits>

#include <mpi.h>

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
namespace fs = std::filesystem;

namespace {

constexpr auto most = std::numeric_limits<std::int64_t>::max();

int num_ranks() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

/// A change of the options, and what every rank must say of it.
struct BadOption {
  std::string what;
  std::function<void(HostileRun&)> change;
  std::string said;
};

void check_all(std::vector<BadOption> const& cases) {
  HostileRun const sound;
  HostileRun changed;  // of the same folder
  for (BadOption const& bad : cases) {
    CAPTURE(bad.what);
    changed.options = sound.options;
    changed.batch = sound.batch;
    bad.change(changed);
    std::string const message = changed.refusal();
    CHECK_THAT(message, ContainsSubstring(bad.said));
    CHECK(!fs::exists(sound.batch.output));
  }
}

std::vector<BadOption> grids() {
  std::vector<BadOption> cases;
  auto const size = [&](char const* axis, auto member, int value, std::string const& said) {
    cases.push_back(
        {concat(axis, ' ', value), [=](HostileRun& run) { run.options.*member = value; }, said});
  };
  using Options = talus::runtime::ModelOptions;
  for (int const value : {0, -1, std::numeric_limits<int>::min()}) {
    size("tp", &Options::tensor_parallel_size, value, "tp = ");
    size("pp", &Options::pipeline_parallel_size, value, "pp = ");
    size("dp", &Options::data_parallel_size, value, "dp = ");
    size("ep", &Options::expert_parallel_size, value, "ep = ");
  }
  for (int const value : {5, 1000, std::numeric_limits<int>::max()}) {
    size("tp", &Options::tensor_parallel_size, value, "ranks = ");
    size("pp", &Options::pipeline_parallel_size, value, "ranks = ");
    size("dp", &Options::data_parallel_size, value, "ranks = ");
    size("ep", &Options::expert_parallel_size, value, "ep = ");
  }
  return cases;
}

}  // namespace

TEST_CASE("grids that can't be are refused, with what would do") {
  check_all(grids());
  check_all({
      {"all too large",
       [](HostileRun& run) {
         run.options.tensor_parallel_size = 65536;
         run.options.pipeline_parallel_size = 65536;
         run.options.data_parallel_size = 65536;
       },
       "ranks = "},
      {"more stages than layers",
       [](HostileRun& run) {
         run.options.pipeline_parallel_size = num_ranks();
         run.options.tensor_parallel_size = 4;
       },
       "ranks = "},
  });
}

TEST_CASE("options that can't be are refused by name") {
  check_all({
      {"no context", [](HostileRun& run) { run.options.max_model_len = 0; }, "--max-model-len"},
      {"below 0", [](HostileRun& run) { run.options.max_model_len = -5; }, "--max-model-len"},
      {"too long", [](HostileRun& run) { run.options.max_model_len = 513; }, "--max-model-len"},
      {"far too long",
       [](HostileRun& run) { run.options.max_model_len = most; },
       "--max-model-len"},
      {"no sequences", [](HostileRun& run) { run.options.max_num_seqs = 0; }, "--max-num-seqs"},
      {"all", [](HostileRun& run) { run.options.max_num_seqs = most; }, "--max-num-seqs"},
      {"no tokens",
       [](HostileRun& run) { run.options.max_num_batched_tokens = 0; },
       "--max-num-batched-tokens"},
      {"all tokens",
       [](HostileRun& run) { run.options.max_num_batched_tokens = most; },
       "--max-num-batched-tokens"},
      {"no block", [](HostileRun& run) { run.options.block_size = 0; }, "--block-size"},
      {"odd block", [](HostileRun& run) { run.options.block_size = 17; }, "--block-size"},
      {"vast block", [](HostileRun& run) { run.options.block_size = most; }, "--block-size"},
      {"no blocks",
       [](HostileRun& run) { run.options.num_gpu_blocks_override = 0; },
       "--num-gpu-blocks-override"},
      {"one block",
       [](HostileRun& run) { run.options.num_gpu_blocks_override = 1; },
       "--max-model-len"},
      {"no memory", [](HostileRun& run) { run.options.kv_cache_memory = 0; }, "--kv-cache-memory"},
      {"little memory",
       [](HostileRun& run) { run.options.kv_cache_memory = 1; },
       "--max-model-len"},
      {"a dtype", [](HostileRun& run) { run.options.dtype = "complex"; }, "--dtype: complex"},
      {"no dtype", [](HostileRun& run) { run.options.dtype = ""; }, "--dtype"},
      {"a backend", [](HostileRun& run) { run.options.backend = "abacus"; }, "abacus"},
      {"an admission", [](HostileRun& run) { run.options.kv_admission = "all"; }, "--kv-admission"},
      {"a parser", [](HostileRun& run) { run.batch.reasoning_parser = "mind"; }, "mind"},
      {"no host memory", [](HostileRun& run) { run.options.load_host_memory = 0; }, "host memory"},
      {"negative host memory",
       [](HostileRun& run) { run.options.load_host_memory = -most; },
       "host memory"},
      {"little host memory",
       [](HostileRun& run) { run.options.load_host_memory = 8; },
       "host memory"},
  });
}

TEST_CASE("files and folders that can't be are refused by name") {
  check_all({
      {"no model", [](HostileRun& run) { run.options.model += "/absent"; }, "absent"},
      {"a file as model", [](HostileRun& run) { run.options.model += "/config.json"; }, "config"},
      {"a name of 10000 bytes",
       [](HostileRun& run) { run.options.model = std::string(10'000, 'm'); },
       "File name too long"},
      {"no input", [](HostileRun& run) { run.batch.input += ".absent"; }, "in.jsonl.absent"},
      {"an input that is a folder",
       [](HostileRun& run) { run.batch.input = run.folder().string(); },
       "not a regular file"},
      {"no folder for the output",
       [](HostileRun& run) { run.batch.output = (run.folder() / "no/out.jsonl").string(); },
       "no/out.jsonl"},
      {"an output that is a folder",
       [](HostileRun& run) { run.batch.output = run.model().string(); },
       "model"},
      {"an output that is the input",
       [](HostileRun& run) {
         run.batch.output = run.batch.input;
         run.batch.overwrite = true;
       },
       "in.jsonl"},
      {"an output that exists",
       [](HostileRun& run) { run.batch.output = (run.model() / "config.json").string(); },
       "--overwrite"},
      {"no template",
       [](HostileRun& run) { run.batch.chat_template = (run.folder() / "no.jinja").string(); },
       "no.jinja"},
      {"a template that is a folder",
       [](HostileRun& run) { run.batch.chat_template = run.folder().string(); },
       "not a regular file"},
      {"a trace in a file",
       [](HostileRun& run) { run.batch.trace = (run.model() / "config.json").string(); },
       "config.json"},
  });
}

TEST_CASE("an empty folder as model is refused") {
  HostileRun run;
  run.damage([](fs::path const& model) { fs::create_directory(model.parent_path() / "empty"); });
  run.options.model = (run.folder() / "empty").string();
  CHECK_THAT(run.refusal(), ContainsSubstring("empty/config.json"));
}
