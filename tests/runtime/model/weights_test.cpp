// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/weights.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "parallel/communicator.hpp"
#include "runtime/base/error.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::runtime;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

/// A checkpoint of tests/data with one field of its config changed; each rank has its own.
class ChangedModel {
 public:
  ChangedModel(char const* model, char const* field, io::Json const& value)
      : dir_{fs::temp_directory_path() / concat("talus_weights_", ::getpid(), '_', model)} {
    fs::create_directories(dir_);
    for (auto const& entry : fs::directory_iterator{fs::path{TALUS_TEST_DATA} / "models" / model}) {
      if (entry.path().filename() != "config.json") {
        fs::copy_file(
            entry.path(), dir_ / entry.path().filename(), fs::copy_options::overwrite_existing);
      }
    }
    io::Json config =
        io::read_json_file(fs::path{TALUS_TEST_DATA} / "models" / model / "config.json");
    config[field] = value;
    std::ofstream{dir_ / "config.json"} << config;
  }

  ~ChangedModel() { fs::remove_all(dir_); }

  ChangedModel(ChangedModel const&) = delete;
  ChangedModel& operator=(ChangedModel const&) = delete;

  [[nodiscard]] LoadedWeights load() const {
    parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
    return load_weights(world,
                        io::Checkpoint::open(dir_),
                        {kernels::Backend::reference},
                        read_model_spec(dir_),
                        {},
                        DType::f32,
                        {});
  }

 private:
  fs::path dir_;
};

bool same(kernels::PackedWeights const& a, kernels::PackedWeights const& b) {
  return a.bytes() == b.bytes() &&
         std::equal(a.data(), a.data() + static_cast<std::ptrdiff_t>(a.bytes()), b.data());
}

}  // namespace

TEST_CASE("a bias that the config says nothing of is not left out silently") {
  ChangedModel const model{"llama_biases", "attention_bias", false};
  CHECK_THROWS_WITH(model.load(),
                    ContainsSubstring("self_attn") && ContainsSubstring("_proj.bias") &&
                        ContainsSubstring("config.json"));
}

TEST_CASE("a head of its own is used, also where the config ties it to the embedding") {
  ChangedModel const tied{"llama3", "tie_word_embeddings", true};
  ChangedModel const untied{"llama3", "tie_word_embeddings", false};
  CHECK(same(tied.load().weights.lm_head, untied.load().weights.lm_head));
}
