// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "parallel/collectives.hpp"
#include "parallel/communicator.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/layouts.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/packed_save.hpp"
#include "runtime/batch/workload.hpp"
#include "runtime/model/family.hpp"

#include "tests/support/catch.hpp"

/// \file
/// Folders of packed weights, and runs from them.

namespace talus::runtime {

struct Silent final : Reporter {
  void info(std::string_view) override {}

  void warn(std::string_view) override {}

  void progress(std::string_view) override {}
};

/// How a checkpoint is packed.
struct Packing {
  char const* model;
  char const* dtype = "auto";
  char const* quantization = "auto";
  int tp = 1;
  int pp = 1;
  int ep = 1;
};

inline ModelOptions options_of(Packing const& packing) {
  ModelOptions options;
  options.model = std::string{TALUS_TEST_DATA} + "/models/" + packing.model;
  options.dtype = packing.dtype;
  options.quantization = packing.quantization;
  options.tensor_parallel_size = packing.tp;
  options.pipeline_parallel_size = packing.pp;
  options.expert_parallel_size = packing.ep;
  options.max_num_seqs = 8;
  options.max_num_batched_tokens = 64;
  options.max_model_len = 64;
  return options;
}

/// A folder of packed weights, on a place that all ranks see; gone with the object. Collective.
class Folder {
 public:
  Folder() : world_{parallel::Communicator::duplicate(MPI_COMM_WORLD)} {
    std::vector<std::byte> name;
    if (world_.rank() == 0) {
      std::string const text = concat("talus-packed-", ::getpid());
      auto const bytes = std::as_bytes(std::span{text});
      name.assign(bytes.begin(), bytes.end());
    }
    parallel::broadcast_bytes(world_, name, 0);
    path_ = std::filesystem::temp_directory_path() /
            std::string{reinterpret_cast<char const*>(name.data()), name.size()};
  }

  ~Folder() {
    parallel::barrier(world_);
    if (world_.rank() == 0) {
      std::filesystem::remove_all(path_);
    }
    parallel::barrier(world_);
  }

  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// \param gpu_arch  see plan_packing
  void save(ModelOptions const& options, std::string const& gpu_arch = "") const {
    Silent silent;
    save_packed(MPI_COMM_WORLD, options, {path_, true, "0", gpu_arch}, silent);
  }

  /// The bytes of all its files, by name.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    parallel::barrier(world_);
    std::map<std::string, std::string> files;
    for (auto const& entry : std::filesystem::directory_iterator{path_}) {
      std::ifstream file{entry.path(), std::ios::binary};
      files[entry.path().filename()] = {std::istreambuf_iterator<char>{file}, {}};
    }
    parallel::barrier(world_);
    return files;
  }

  /// Until rank 0 is done with it too.
  void wait() const { parallel::barrier(world_); }

  /// Rank 0 changes files, when all have seen them as they were; all see it.
  void change(std::function<void(std::filesystem::path const&)> const& work) const {
    parallel::barrier(world_);
    if (world_.rank() == 0) {
      work(path_);
    }
    parallel::barrier(world_);
  }

 private:
  parallel::Communicator world_;
  std::filesystem::path path_;
};

/// What a start from the folder needs to be told: nothing of what the manifest says.
inline ModelOptions options_from(Folder const& folder, ModelOptions const& of_checkpoint) {
  ModelOptions options;
  options.model = folder.path();
  options.max_num_seqs = of_checkpoint.max_num_seqs;
  options.max_num_batched_tokens = of_checkpoint.max_num_batched_tokens;
  options.max_model_len = of_checkpoint.max_model_len;
  return options;
}

inline WorkloadResult run(ModelOptions const& options) {
  ModelSpec const spec = read_model_spec(options.model);
  return run_workload(MPI_COMM_WORLD, options, make_workload(spec, 4, 24, 6, 3));
}

/// What a start is refused with; checked: on all ranks alike.
inline std::string refusal(ModelOptions const& options) {
  std::string text;
  try {
    ModelPlan plan = plan_model(MPI_COMM_WORLD, options);
    auto const grid = make_grid(MPI_COMM_WORLD, options, plan);
    static_cast<void>(load_model(*grid, plan, options));
  } catch (ConfigError const& error) {
    text = error.what();
  }
  parallel::Communicator const world = parallel::Communicator::duplicate(MPI_COMM_WORLD);
  auto const hash = static_cast<std::int64_t>(std::hash<std::string>{}(text));
  CHECK(parallel::all_reduce(world, hash, parallel::ReduceOp::min) ==
        parallel::all_reduce(world, hash, parallel::ReduceOp::max));
  return text;
}

}  // namespace talus::runtime
