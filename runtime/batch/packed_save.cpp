// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/packed_save.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "io/checkpoint/checkpoint.hpp"
#include "io/json/json.hpp"
#include "io/sharded/manifest.hpp"
#include "io/sharded/output_folder.hpp"
#include "io/sharded/packed_writer.hpp"
#include "kernels/packing_hash.hpp"
#include "kernels/transfer.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/value_bytes.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/packed_files.hpp"
#include "runtime/batch/packed_options.hpp"
#include "runtime/model/model_binder.hpp"

namespace talus::runtime {
namespace {

namespace fs = std::filesystem;

/// Refuses what has no packed weights of its own to be written.
void check_source(ModelOptions const& options, ModelPlan const& plan) {
  if (load_format_from(options.load_format) == LoadFormat::dummy) {
    throw ConfigError{"--load-format: dummy (talus shard writes the weights of a checkpoint)"};
  }
  if (plan.packed) {
    throw ConfigError{
        concat("--model: ", options.model, " (its weights are packed already: name a checkpoint)")};
  }
}

/// Where a weight lies in its file: what is read alike lies together.
int order_of(BoundWeight const& weight) {
  return weight.is_vector ? 0 : weight.bytes < io::large_tensor_bytes ? 1 : 2;
}

/// A part of the weights as it is written.
std::vector<io::PackedSource> sources_of(kernels::ExecContext const& exec,
                                         std::vector<BoundWeight> const& bound,
                                         WeightPart part) {
  std::vector<BoundWeight const*> of_part;
  for (BoundWeight const& weight : bound) {
    if (weight.part == part) {
      of_part.push_back(&weight);
    }
  }
  std::ranges::stable_sort(
      of_part, {}, [](BoundWeight const* weight) { return order_of(*weight); });
  std::vector<io::PackedSource> sources;
  for (BoundWeight const* const weight : of_part) {
    io::PackedSource& source =
        sources.emplace_back(io::PackedSource{weight->name,
                                              weight->type,
                                              weight->scales ? name_of(*weight->scales) : "",
                                              weight->memory(),
                                              nullptr});
    if (is_on_device(exec, *weight)) {
      source.fetch = [exec](std::span<std::byte const> from, std::span<std::byte> to) {
        kernels::download(exec, from.data(), to);
      };
    }
  }
  return sources;
}

/// Writes what this rank is the first of the grid to hold. Collective over the grid's world.
///
/// \return  on rank 0 the manifest's entries of all files, as text; elsewhere nothing
std::vector<std::string> write_parts(parallel::ProcessGrid const& grid,
                                     kernels::ExecContext const& exec,
                                     std::vector<BoundWeight> const& bound,
                                     fs::path const& folder) {
  ShardPlace const place = shard_place(grid);
  std::vector<std::string> entries;
  for (WeightPart const part : weight_parts) {
    bool const is_first = part_holders(grid, part).rank() == 0;
    std::string entry;
    parallel::run_and_agree(grid.world(), [&] {
      std::vector<io::PackedSource> const sources = sources_of(exec, bound, part);
      if (is_first && !sources.empty()) {
        entry = io::format_packed_file(
            io::write_packed_file(folder / packed_file_name(place, part), sources));
      }
    });
    auto const mine = std::as_bytes(std::span{entry});
    for (std::vector<std::byte> const& each : parallel::gather_bytes(grid.world(), mine, 0)) {
      if (!each.empty()) {
        entries.emplace_back(as_text(each));
      }
    }
  }
  return entries;
}

io::ShardManifest make_manifest(ModelPlan const& plan,
                                ModelOptions const& options,
                                PackedOutput const& output,
                                std::vector<std::string> const& entries) {
  io::ShardManifest manifest{
      .talus = output.version,
      .config_hash = io::checksum(io::read_text_file(fs::path{options.model} / "config.json")),
      .tensor_parallel_size = plan.shape.tp,
      .pipeline_parallel_size = plan.shape.pp,
      .expert_parallel_size = plan.shape.ep,
      .backend = name_of(plan.exec.backend),
      .packing_hash = kernels::packing_hash(plan.exec),
      .dtype = name_of(plan.dtype),
      .quantization = quantization_name(plan.weights),
      .chunk_bytes = io::packed_chunk_bytes,
      .files = {}};
  for (std::string const& entry : entries) {
    manifest.files.push_back(
        io::parse_packed_file(entry, io::packed_chunk_bytes, io::manifest_name));
  }
  return manifest;
}

std::string describe_grid(ModelPlan const& plan) {
  return concat("packing for pp ",
                plan.shape.pp,
                " x tp ",
                plan.shape.tp,
                ", ep ",
                plan.shape.ep,
                ", backend ",
                name_of(plan.exec.backend),
                plan.host_packs.empty()
                    ? ""
                    : concat(", in the host's memory for GPUs (", plan.host_packs, ')'),
                ", ",
                describe(plan.weights, plan.spec.quantization));
}

/// Refuses what the host hasn't the memory for, where it packs for GPUs.
void check_host_memory(parallel::ProcessGrid const& grid, ModelPlan const& plan) {
  if (plan.host_packs.empty()) {
    return;
  }
  std::int64_t const bytes = weight_bytes(plan.exec, plan.spec, shard_place(grid), plan.weights);
  std::int64_t const available = available_memory(grid.node().size());
  if (bytes > available) {
    throw ConfigError{concat("memory: ",
                             format_bytes(bytes),
                             " of weights for a GPU (which are packed in memory of the host, where "
                             "a rank has ",
                             format_bytes(available),
                             ": pack them on more nodes, or where the GPUs are)")};
  }
}

}  // namespace

void save_packed(MPI_Comm comm,
                 ModelOptions const& options,
                 PackedOutput const& output,
                 Reporter& reporter) {
  ModelPlan const plan = plan_packing(comm, options, output.gpu_arch);
  parallel::ProcessGrid const grid{comm, plan.shape};
  bool const is_root = grid.world().rank() == 0;
  std::optional<io::OutputFolder> folder;
  parallel::run_and_agree(grid.world(), [&] {
    check_source(options, plan);
    check_host_memory(grid, plan);
    if (is_root) {
      folder.emplace(output.folder, output.overwrite);
      folder->copy_model_files(options.model);
      reporter.info(describe_grid(plan));
    }
  });
  LoadedModel loaded = load_model(grid, plan, options);
  if (is_root) {
    reporter.info(loaded.report);
  }
  auto const checkpoint = io::Checkpoint::open_shared(options.model, grid.world());
  ModelSpec const spec =
      with_stored_head(plan.spec, checkpoint.find(plan.spec.names.head) != nullptr);
  WeightBinder binder{
      plan.exec, plan.weights, spec.quantization ? &*spec.quantization : nullptr, &checkpoint};
  bind_model(binder, spec, shard_place(grid), loaded.weights);
  std::vector<std::string> const entries =
      write_parts(grid, plan.exec, binder.bound(), io::OutputFolder::partial(output.folder));
  parallel::run_and_agree(grid.world(), [&] {
    if (is_root) {
      io::ShardManifest const manifest = make_manifest(plan, options, output, entries);
      folder->write(io::manifest_name, io::format_manifest(manifest));
      folder->publish();
      reporter.info(concat("wrote ",
                           manifest.files.size(),
                           " files of ",
                           manifest.total_bytes(),
                           " bytes to ",
                           output.folder.string()));
    }
  });
}

}  // namespace talus::runtime
