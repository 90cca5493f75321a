// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <mpi.h>

#include "tests/hostile/hostile.hpp"
#include "tests/support/catch.hpp"

using namespace talus::test;
using Catch::Matchers::ContainsSubstring;
using talus::concat;
namespace fs = std::filesystem;

namespace {

bool is_last() {
  int rank = 0;
  int size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return rank == size - 1;
}

/// A run of which the last rank sees a copy of the model, in another folder, as a node with a stale
/// or broken file system does.
class TornRun {
 public:
  TornRun() {
    run.damage([](fs::path const& model) {
      fs::copy(model, model.parent_path() / "copy", fs::copy_options::recursive);
    });
    if (is_last()) {
      run.options.model = (run.folder() / "copy").string();
    }
  }

  /// Changes the last rank's copy.
  void damage(std::function<void(fs::path const& copy)> const& change) const {
    run.damage([&](fs::path const& model) { change(model.parent_path() / "copy"); });
  }

  HostileRun run;
};

}  // namespace

TEST_CASE("ranks that see the same in two places run") {
  TornRun const torn;
  CHECK(torn.run.answers().size() == 3);
}

TEST_CASE("what one rank alone can't read is refused by all") {
  for (char const* const name : {"config.json", "tokenizer.json"}) {
    CAPTURE(name);
    TornRun const torn;
    torn.damage([&](fs::path const& copy) { fs::remove(copy / name); });
    CHECK_THAT(torn.run.refusal(), ContainsSubstring(concat("copy/", name)));
  }
}

TEST_CASE("what is damaged for one rank alone is refused by all") {
  for (char const* const name : {"config.json", "tokenizer.json", "generation_config.json"}) {
    CAPTURE(name);
    TornRun const torn;
    torn.damage([&](fs::path const& copy) {
      fs::remove(copy / name);
      fs::create_directory(copy / name);
    });
    CHECK_THAT(torn.run.refusal(), ContainsSubstring(concat("copy/", name)));
  }
}

TEST_CASE("a config that differs on one rank is refused by all") {
  TornRun const torn;
  for (auto const& [from, to] : {std::pair{"\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2"},
                                 std::pair{"\"rms_norm_eps\": 1e-05", "\"rms_norm_eps\": 1e-06"},
                                 std::pair{"\"vocab_size\": 259", "\"vocab_size\": 258"}}) {
    CAPTURE(to);
    torn.run.write("../copy/config.json", replaced(sound_config(), from, to));
    CHECK_THAT(torn.run.refusal(), ContainsSubstring("differs"));
  }
}

TEST_CASE("options that differ on one rank are refused by all") {
  auto const refused = [](std::function<void(HostileRun&)> const& change) {
    HostileRun run;
    if (is_last()) {
      change(run);
    }
    return run.refusal();
  };
  CHECK_THAT(refused([](HostileRun& run) { run.options.max_model_len = 48; }),
             ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.max_num_seqs = 3; }),
             ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.block_size = 32; }),
             ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.dtype = "bfloat16"; }),
             ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.seed = 7; }), ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.backend = "reference"; }),
             ContainsSubstring("differ"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.max_num_seqs = 0; }),
             ContainsSubstring("--max-num-seqs"));
  CHECK_THAT(refused([](HostileRun& run) { run.options.load_host_memory = 1 << 20; }),
             ContainsSubstring("differ"));
}
