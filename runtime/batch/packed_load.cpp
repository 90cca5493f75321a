// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/packed_load.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/json/json.hpp"
#include "io/sharded/packed_loader.hpp"
#include "kernels/transfer.hpp"
#include "parallel/agree.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/packed_files.hpp"
#include "runtime/model/model_binder.hpp"

namespace talus::runtime {
namespace {

/// A file that a rank's weights of one part lie in, by its tensors' names.
struct PartFile {
  io::PackedFile const* file = nullptr;
  std::map<std::string_view, io::PackedTensor const*> tensors;
};

/// This rank's part of the manifest.
class RankFiles {
 public:
  RankFiles(io::ShardManifest const& manifest, ShardPlace const& place, std::string source)
      : source_{std::move(source)} {
    for (WeightPart const part : weight_parts) {
      PartFile& of_part = parts_[part];
      of_part.file = manifest.find(packed_file_name(place, part));
      if (of_part.file != nullptr) {
        for (io::PackedTensor const& tensor : of_part.file->tensors) {
          of_part.tensors.emplace(tensor.name, &tensor);
        }
      }
    }
  }

  [[nodiscard]] PartFile const& of(WeightPart part) const { return parts_.at(part); }

  [[nodiscard]] io::PackedTensor const* find(std::string const& name) const {
    for (auto const& [part, file] : parts_) {
      if (auto const found = file.tensors.find(name); found != file.tensors.end()) {
        return found->second;
      }
    }
    return nullptr;
  }

  [[nodiscard]] std::optional<DType> scale_type(std::string const& name) const {
    io::PackedTensor const* const tensor = find(name);
    for (DType const type : {DType::f32, DType::f16, DType::bf16}) {
      if (tensor != nullptr && tensor->scales == name_of(type)) {
        return type;
      }
    }
    return std::nullopt;
  }

  /// Refuses files that hold anything but what is bound.
  void check(std::vector<BoundWeight> const& bound, ShardPlace const& place) const {
    for (WeightPart const part : weight_parts) {
      std::size_t count = 0;
      for (BoundWeight const& weight : bound) {
        if (weight.part == part) {
          check_tensor(weight, packed_file_name(place, part));
          ++count;
        }
      }
      io::PackedFile const* const file = of(part).file;
      if (file != nullptr && file->tensors.size() != count) {
        throw ConfigError{concat(source_,
                                 ": ",
                                 file->name,
                                 ": ",
                                 file->tensors.size(),
                                 " tensors (the model has ",
                                 count,
                                 " there)")};
      }
    }
  }

 private:
  void check_tensor(BoundWeight const& weight, std::string const& file) const {
    auto const& tensors = of(weight.part).tensors;
    auto const found = tensors.find(weight.name);
    if (found == tensors.end()) {
      throw ConfigError{concat(source_, ": ", file, ": no tensor \"", weight.name, "\" (needed)")};
    }
    io::PackedTensor const& tensor = *found->second;
    std::string const scales = weight.scales ? name_of(*weight.scales) : "";
    if (tensor.type != weight.type || tensor.bytes != weight.bytes || tensor.scales != scales) {
      throw ConfigError{concat(source_,
                               ": ",
                               file,
                               ": tensor \"",
                               weight.name,
                               "\": ",
                               tensor.bytes,
                               " bytes of ",
                               io::show_text(tensor.type),
                               " (the model has ",
                               weight.bytes,
                               " of ",
                               weight.type,
                               " there)")};
    }
  }

  std::string source_;
  std::map<WeightPart, PartFile> parts_;
};

/// What a rank holds, bound to its files.
class Binding {
 public:
  Binding(ModelPlan const& plan,
          kernels::ExecContext const& exec,
          ShardPlace const& place,
          std::filesystem::path const& dir)
      : place_{place},
        files_{*plan.packed, place, (dir / io::manifest_name).string()},
        spec_{with_stored_head(plan.spec, files_.find(plan.spec.names.head) != nullptr)},
        binder_{exec, plan.weights, spec_.quantization ? &*spec_.quantization : nullptr} {
    binder_.set_scale_types([this](std::string const& name) { return files_.scale_type(name); });
    bind_model(binder_, spec_, place, weights_);
  }

  /// \throws ConfigError  if the files hold anything but what the model has there
  void check() const { files_.check(binder_.bound(), place_); }

  void allocate() const {
    for (BoundWeight const& weight : binder_.bound()) {
      weight.allocate(kernels::Contents::undefined);
    }
  }

  [[nodiscard]] RankFiles const& files() const noexcept { return files_; }

  [[nodiscard]] WeightBinder const& binder() const noexcept { return binder_; }

  [[nodiscard]] ModelWeights take() { return std::move(weights_); }

 private:
  ShardPlace place_;
  RankFiles files_;
  ModelSpec spec_;
  ModelWeights weights_;
  WeightBinder binder_;
};

/// Where a file's tensors go, and who needs them too. Collective over the grid's world.
std::vector<io::PackedPart> make_parts(PackedLoad const& load,
                                       RankFiles const& files,
                                       std::vector<BoundWeight> const& bound) {
  std::map<std::string_view, io::PackedTarget> targets;
  for (BoundWeight const& weight : bound) {
    std::span<std::byte> const memory = weight.memory();
    io::PackedTarget& target = targets[weight.name];
    target.memory = memory;
    target.is_shared = load.shared != nullptr && load.shared->holds(memory.data());
    if (is_on_device(load.exec, weight)) {
      target.put = [exec = load.exec, memory](std::span<std::byte const> tensor) {
        kernels::upload(exec, tensor, memory.data());
      };
    }
  }
  std::vector<io::PackedPart> parts;
  for (WeightPart const part : weight_parts) {
    parallel::Communicator comm = part_holders(load.grid, part);
    io::PackedFile const* const file = files.of(part).file;
    if (file == nullptr) {
      continue;
    }
    std::vector<io::PackedTarget> of_file;
    for (io::PackedTensor const& tensor : file->tensors) {
      of_file.push_back(targets.at(tensor.name));
    }
    parts.push_back({file,
                     std::move(of_file),
                     std::move(comm),
                     load.shared != nullptr ? load.shared->sharers().rank() : 0,
                     load.shared != nullptr ? load.shared->sharers().size() : 1});
  }
  return parts;
}

}  // namespace

std::int64_t packed_weight_bytes(parallel::ProcessGrid const& grid,
                                 ModelPlan const& plan,
                                 std::filesystem::path const& dir) {
  std::int64_t bytes = 0;
  parallel::run_and_agree(grid.world(), [&] {
    Binding const binding{plan, plan.exec, shard_place(grid), dir};
    binding.check();
    bytes = binding.binder().bytes();
  });
  return bytes;
}

LoadedWeights load_packed_weights(PackedLoad const& load,
                                  std::filesystem::path const& dir,
                                  io::LoadOptions const& options) {
  Binding binding{load.plan, load.exec, shard_place(load.grid), dir};
  parallel::run_and_agree(load.grid.world(), [&] {
    binding.check();
    binding.allocate();
  });
  std::vector<io::PackedPart> const parts =
      make_parts(load, binding.files(), binding.binder().bound());
  LoadedWeights loaded;
  loaded.report = io::load_packed(load.grid.world(), dir, *load.plan.packed, parts, options);
  loaded.weights = binding.take();
  return loaded;
}

}  // namespace talus::runtime
