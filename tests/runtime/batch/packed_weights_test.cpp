// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "io/json/json.hpp"
#include "io/sharded/manifest.hpp"
#include "kernels/session.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/packed_save.hpp"
#include "runtime/model/family.hpp"

#include "tests/runtime/batch/packed_folder.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;
using parallel::Communicator;
namespace fs = std::filesystem;

namespace {

std::string read(fs::path const& file) {
  return io::read_text_file(file);
}

void write(fs::path const& file, std::string const& text) {
  std::ofstream{file, std::ios::binary} << text;
}

/// Replaces the first `from` in a file.
void edit(fs::path const& file, std::string const& from, std::string const& to) {
  std::string text = read(file);
  auto const at = text.find(from);
  REQUIRE(at != std::string::npos);
  write(file, text.replace(at, from.size(), to));
}

int num_ranks() {
  return Communicator::duplicate(MPI_COMM_WORLD).size();
}

}  // namespace

TEST_CASE("a start from packed weights gives the bits of a start from the checkpoint") {
  kernels::KernelSession const session{1};
  int const ranks = num_ranks();
  Packing packing = GENERATE(Packing{"llama3", "float32"},
                             Packing{"llama3", "bfloat16"},
                             Packing{"llama3", "bfloat16", "int8"},
                             Packing{"llama3", "auto", "int4-g32"},
                             Packing{"gemma3_text"},
                             Packing{"qwen3_moe", "bfloat16"},
                             Packing{"gpt_oss"},
                             Packing{"deepseek_v3"},
                             Packing{"quant_gptq"},
                             Packing{"quant_gptq", "float32"},
                             Packing{"quant_gpt_oss_mxfp4"});
  bool const has_experts = read_model_spec(options_of(packing).model).has_experts();
  bool const is_precision_given = std::string_view{packing.dtype} != "auto";
  // One rank: whole. Two: shards, or stages. Four: two replicas of two shards, or two stages of two
  // shards, or experts over four replicas.
  int const kind = GENERATE(0, 1);
  if ((ranks == 1 && kind == 1) || (ranks == 4 && is_precision_given)) {
    return;  // fewer ranks say all that there is to say of it
  }
  bool const spans_replicas = ranks == 4 && kind == 1 && has_experts;
  packing.pp = kind == 1 && !spans_replicas ? 2 : 1;
  packing.tp = spans_replicas ? 1 : std::min(ranks / packing.pp, 2);
  packing.ep = spans_replicas ? 4 : has_experts ? packing.tp : 1;
  CAPTURE(packing.model, packing.dtype, packing.quantization, packing.tp, packing.pp, packing.ep);
  ModelOptions const options = options_of(packing);
  Folder const folder;

  folder.save(options);
  ModelOptions packed = options_from(folder, options);
  packed.share_weights = kind == 0;
  WorkloadResult const expected = run(options);
  WorkloadResult const got = run(packed);

  CHECK(got.tokens == expected.tokens);
  CHECK(got.logprob_hash() == expected.logprob_hash());
}

TEST_CASE("each byte of packed weights is read once in the job, however many replicas there are") {
  kernels::KernelSession const session{1};
  ModelOptions const options = options_of({.model = "qwen3_moe", .tp = num_ranks() > 1 ? 2 : 1});
  Folder const folder;
  folder.save(options);
  ModelOptions packed = options_from(folder, options);
  packed.share_weights = GENERATE(true, false);

  ModelPlan plan = plan_model(MPI_COMM_WORLD, packed);
  auto const grid = make_grid(MPI_COMM_WORLD, packed, plan);
  LoadedModel const loaded = load_model(*grid, plan, packed);

  CHECK_THAT(loaded.report, ContainsSubstring("1.000 per byte of the packed weights"));
  CHECK_THAT(loaded.report, ContainsSubstring("the limit was"));
}

TEST_CASE("what differs from what was packed is refused before weights are read") {
  kernels::KernelSession const session{1};
  ModelOptions const options = options_of({.model = "llama3", .dtype = "bfloat16"});
  Folder const folder;
  folder.save(options);
  folder.change([](fs::path const& dir) { fs::remove(dir / "stage-0-shard-0.weights"); });
  ModelOptions const packed = options_from(folder, options);
  auto const with = [&](auto const& change) {
    ModelOptions changed = packed;
    change(changed);
    return refusal(changed);
  };

  CHECK_THAT(with([](ModelOptions& o) { o.tensor_parallel_size = 2; }),
             ContainsSubstring("--tensor-parallel-size: 2") && ContainsSubstring("packed for 1"));
  CHECK_THAT(with([](ModelOptions& o) { o.pipeline_parallel_size = 3; }),
             ContainsSubstring("--pipeline-parallel-size: 3"));
  CHECK_THAT(with([](ModelOptions& o) { o.expert_parallel_size = 2; }),
             ContainsSubstring("--expert-parallel-size: 2"));
  CHECK_THAT(with([](ModelOptions& o) { o.backend = "reference"; }),
             ContainsSubstring("--backend: reference"));
  CHECK_THAT(with([](ModelOptions& o) { o.dtype = "float32"; }),
             ContainsSubstring("--dtype: float32") && ContainsSubstring("bfloat16"));
  CHECK_THAT(with([](ModelOptions& o) { o.quantization = "int8"; }),
             ContainsSubstring("--quantization: int8") && ContainsSubstring("none"));
  CHECK_THAT(with([](ModelOptions& o) { o.load_format = "safetensors"; }),
             ContainsSubstring("--load-format: safetensors"));
  CHECK_THAT(with([](ModelOptions& o) { o.load_format = "sharded_state"; }),
             ContainsSubstring("stage-0-shard-0.weights"));
  ModelOptions checkpoint = options;
  checkpoint.load_format = "sharded";
  CHECK_THAT(refusal(checkpoint), ContainsSubstring("--load-format: sharded"));
}

TEST_CASE("damaged files of packed weights are refused by name, on all ranks alike") {
  kernels::KernelSession const session{1};
  int const tp = num_ranks() > 1 ? 2 : 1;
  ModelOptions const options = options_of({.model = "llama3", .tp = tp});
  Folder const folder;
  folder.save(options);
  ModelOptions packed = options_from(folder, options);
  packed.share_weights = false;
  std::string const last = io::shard_file_name(0, tp - 1);
  auto const damaged = [&](std::string const& name, std::function<void(fs::path const&)> change) {
    std::string original;
    folder.change([&](fs::path const& dir) {
      original = read(dir / name);
      change(dir / name);
    });
    std::string const text = refusal(packed);
    folder.change([&](fs::path const& dir) { write(dir / name, original); });
    return text;
  };

  for (bool const share_weights : {true, false}) {
    packed.share_weights = share_weights;
    CHECK_THAT(damaged(last,
                       [](fs::path const& file) {
                         std::string text = read(file);
                         text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
                         write(file, text);
                       }),
               ContainsSubstring(last) && ContainsSubstring("tensor \"model.") &&
                   ContainsSubstring("checksum"));
  }
  CHECK_THAT(damaged(last, [](fs::path const& file) { fs::resize_file(file, 1000); }),
             ContainsSubstring(last) && ContainsSubstring("1000 bytes"));
  CHECK_THAT(damaged(last, [](fs::path const& file) { fs::remove(file); }),
             ContainsSubstring(last) && ContainsSubstring("can't be opened"));
  CHECK_THAT(damaged("config.json", [](fs::path const& file) { write(file, read(file) + ' '); }),
             ContainsSubstring("config.json") && ContainsSubstring("packed with"));
  std::string const manifest = io::manifest_name;
  CHECK_THAT(damaged(manifest, [](fs::path const& file) { fs::resize_file(file, 100); }),
             ContainsSubstring(manifest));
  CHECK_THAT(damaged(manifest, [](fs::path const& file) { write(file, ""); }),
             ContainsSubstring(manifest));
  CHECK_THAT(
      damaged(manifest, [](fs::path const& f) { edit(f, "\"packing\":\"", "\"packing\":\"0"); }),
      ContainsSubstring("packing"));
  CHECK_THAT(damaged(manifest, [](fs::path const& f) { edit(f, "model.norm", "model.morn"); }),
             ContainsSubstring("no tensor \"model.norm.weight\""));
  CHECK_THAT(damaged(manifest, [](fs::path const& f) { edit(f, "stage-0-", "stage-7-"); }),
             ContainsSubstring(manifest) && ContainsSubstring("no tensor"));
  CHECK_THAT(
      damaged(manifest,
              [](fs::path const& f) { edit(f, "\"type\":\"float32\"", "\"type\":\"int8\""); }),
      ContainsSubstring("bytes of int8"));
  CHECK(refusal(packed).empty());
}

TEST_CASE("a disk without room is told of, and nothing is left behind") {
  kernels::KernelSession const session{1};
  Folder const folder;
  ModelOptions const options = options_of({.model = "llama3"});

  // A limit to the size of files stands for a full disk: writing beyond it fails in the same way.
  struct ::rlimit before {};

  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct ::rlimit tight = before;
  tight.rlim_cur = 100'000;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);

  std::string text;
  try {
    folder.save(options);
  } catch (ConfigError const& error) {
    text = error.what();
  }

  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  folder.wait();
  CHECK_THAT(text,
             ContainsSubstring("stage-0-shard-0.weights") && ContainsSubstring("can't be written"));
  CHECK_FALSE(fs::exists(folder.path()));
  CHECK_FALSE(fs::exists(folder.path().string() + ".partial"));
}

TEST_CASE("what can't be written, or be packed, is refused and leaves nothing behind") {
  kernels::KernelSession const session{1};
  Folder const folder;
  ModelOptions const options = options_of({.model = "llama3"});
  Silent silent;
  auto const refused = [&](ModelOptions const& given, bool overwrite) {
    try {
      save_packed(MPI_COMM_WORLD, given, {folder.path(), overwrite, "0"}, silent);
    } catch (ConfigError const& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  folder.change([](fs::path const& dir) {
    fs::create_directory(dir);
    write(dir / "mine", "mine");
  });

  CHECK_THAT(refused(options, false), ContainsSubstring("exists already"));
  CHECK_THAT(refused(options, true), ContainsSubstring("can't be overwritten"));
  CHECK(fs::exists(folder.path() / "mine"));
  folder.change([](fs::path const& dir) { fs::remove(dir / "mine"); });
  CHECK(refused(options, true).empty());
  CHECK(fs::exists(folder.path() / "tokenizer.json") ==
        fs::exists(fs::path{options.model} / "tokenizer.json"));
  ModelOptions packed = options;
  packed.model = folder.path();
  CHECK_THAT(refused(packed, true), ContainsSubstring("packed already"));
  ModelOptions dummy = options;
  dummy.load_format = "dummy";
  CHECK_THAT(refused(dummy, true), ContainsSubstring("dummy"));
  folder.wait();
  CHECK_FALSE(fs::exists(folder.path().string() + ".partial"));
  CHECK(fs::exists(folder.path() / io::manifest_name));
}

TEST_CASE("weights for GPUs are packed where there are none, when it is said what can't be asked") {
  kernels::KernelSession const session{1};
  Folder const folder;
  int const tp = std::min(num_ranks(), 2);  // of four ranks: two replicas
  ModelOptions options = options_of({.model = "llama3", .dtype = "bfloat16", .tp = tp});
  options.backend = "cuda";
  auto const refused = [&](ModelOptions const& given, std::string const& gpu_arch) {
    try {
      folder.save(given, gpu_arch);
    } catch (ConfigError const& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };

  CHECK_THAT(refused(options, "sm_70"), ContainsSubstring("--gpu-arch: sm_70"));
  ModelOptions on_host = options;
  on_host.backend = "reference";
  CHECK_THAT(refused(on_host, "sm_90"), ContainsSubstring("only with --backend cuda"));
  ModelOptions without_grid = options;
  without_grid.tensor_parallel_size = without_grid.pipeline_parallel_size = std::nullopt;
  CHECK_THAT(refused(without_grid, "sm_90"),
             num_ranks() == 1 ? ContainsSubstring("") : ContainsSubstring("must be given"));
  CHECK(refused(options, "sm_90").empty());
  folder.wait();
  CHECK_THAT(read(folder.path() / io::manifest_name), ContainsSubstring("\"backend\":\"cuda\""));
  ModelOptions other = options_from(folder, options);
  other.backend = "reference";
  CHECK_THAT(refusal(other), ContainsSubstring("--backend: reference"));
}
