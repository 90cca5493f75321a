// SPDX-License-Identifier: Apache-2.0
#include "io/sharded/packed_loader.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>

#include "io/files/file_reader.hpp"
#include "io/sharded/detail/part_loader.hpp"
#include "io/sharded/packed_writer.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

using parallel::ReduceOp;

std::vector<files::FileReader> open_files(std::filesystem::path const& dir,
                                          std::span<PackedPart const> parts) {
  std::vector<files::FileReader> files;
  for (PackedPart const& part : parts) {
    files::FileReader const& file = files.emplace_back(dir / part.file->name);
    if (file.file_bytes() != part.file->bytes) {
      throw ConfigError{concat(file.file().string(),
                               ": ",
                               file.file_bytes(),
                               " bytes (",
                               manifest_name,
                               " says ",
                               part.file->bytes,
                               file.file_bytes() < part.file->bytes ? "; truncated?)" : ")")};
    }
  }
  return files;
}

/// [tensors] whether ranks of one node have it in common: on all ranks that need the file alike.
std::vector<int> agree_on_shared(PackedPart const& part) {
  std::vector<int> are_shared;
  for (PackedTarget const& target : part.targets) {
    are_shared.push_back(target.is_shared ? 1 : 0);
  }
  parallel::all_reduce(part.comm, std::span{are_shared}, ReduceOp::min);
  return are_shared;
}

/// A run of a file's tensors that are in the host's memory together.
struct TensorRun {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// The tensors from `first` on that have no memory of the host's of their own, as many as `room`
/// bytes are enough for, or one; empty: there are no more.
TensorRun next_run(PackedPart const& part, std::size_t first, std::int64_t room) {
  std::vector<PackedTensor> const& tensors = part.file->tensors;
  while (first < tensors.size() && part.targets[first].put == nullptr) {
    ++first;
  }
  TensorRun run{first, first};
  for (std::int64_t bytes = 0; run.last < tensors.size() && part.targets[run.last].put != nullptr;
       ++run.last) {
    bytes += tensors[run.last].bytes;
    if (bytes > room && run.last > first) {
      break;
    }
  }
  return run;
}

/// Two passes over a part: what each rank has for itself goes to all of them; what ranks of a node
/// have in common is cut in as many shares as they are, and each of them fills its share, together
/// with one rank of each other node. Before them passes over tensors that are put elsewhere.
class PartPasses {
 public:
  PartPasses(PackedPart const& part,
             files::FileReader const& file,
             detail::PackedCut const& cut,
             LoadOptions const& options)
      : part_{&part},
        file_{&file},
        cut_{cut},
        interrupt_{&options.interrupt},
        room_{options.host_memory_bytes / 2} {
    std::ranges::transform(part.targets, std::back_inserter(targets_), &PackedTarget::memory);
  }

  /// Collective over the part's ranks.
  void run() {
    for (TensorRun run = next_run(*part_, 0, room_); run.first < run.last;
         run = next_run(*part_, run.last, room_)) {
      pass_through(run);
    }
    std::vector<int> const are_shared = agree_on_shared(*part_);
    pass(part_->comm, detail::cut_file(*part_->file, targets_, cut_, [&](std::size_t i) {
           return are_shared[i] == 0 && is_here(i);
         }));
    auto reads = detail::cut_file(*part_->file, targets_, cut_, [&](std::size_t i) {
      return are_shared[i] != 0 && is_here(i);
    });
    auto const shares = static_cast<std::size_t>(
        parallel::all_reduce(part_->comm, part_->num_sharers, ReduceOp::min));
    auto const mine = std::min(static_cast<std::size_t>(part_->sharer), shares);
    std::vector<detail::PackedRead> share;  // none where another node has fewer ranks
    for (std::size_t i = 0; i < reads.size(); ++i) {
      if (i * shares / reads.size() == mine) {
        share.push_back(std::move(reads[i]));
      }
    }
    pass(part_->comm.split(static_cast<int>(mine), part_->comm.rank()), share);
  }

  [[nodiscard]] std::optional<std::string> const& failure() const noexcept { return failure_; }

  [[nodiscard]] LoadCounts const& counts() const noexcept { return counts_; }

 private:
  /// Whether a tensor is used in the host's memory.
  [[nodiscard]] bool is_here(std::size_t i) const { return part_->targets[i].put == nullptr; }

  /// Loads tensors to memory of the host, and puts them where they are used.
  void pass_through(TensorRun const& run) {
    std::vector<std::vector<std::byte>> memory;
    for (std::size_t i = run.first; i < run.last; ++i) {
      memory.emplace_back(static_cast<std::size_t>(part_->file->tensors[i].bytes));
      targets_[i] = memory.back();
    }
    pass(part_->comm, detail::cut_file(*part_->file, targets_, cut_, [&](std::size_t i) {
           return i >= run.first && i < run.last;
         }));
    for (std::size_t i = run.first; i < run.last; ++i) {
      part_->targets[i].put(targets_[i]);
    }
  }

  void pass(parallel::Communicator const& comm, std::vector<detail::PackedRead> const& reads) {
    detail::PartLoader loader{comm, *file_, reads, *interrupt_};
    loader.run();
    counts_ += loader.counts();
    if (!failure_) {
      failure_ = loader.failure();
    }
  }

  PackedPart const* part_;
  files::FileReader const* file_;
  detail::PackedCut cut_;
  std::function<void()> const* interrupt_;
  std::int64_t room_;  ///< of the host, for tensors that are used elsewhere
  std::vector<std::span<std::byte>> targets_;
  LoadCounts counts_;
  std::optional<std::string> failure_;
};

/// Some buffers for reads ahead and some for broadcasts are there at a time.
detail::PackedCut cut_of(ShardManifest const& manifest, LoadOptions const& options) {
  constexpr std::int64_t most_buffers = 8;
  return {manifest.chunk_bytes,
          std::min(packed_chunk_bytes, options.host_memory_bytes / most_buffers),
          large_tensor_bytes};
}

/// Bytes of the files that some rank needs: each is counted by the first rank that does.
std::int64_t bytes_needed(parallel::Communicator const& comm, std::span<PackedPart const> parts) {
  std::int64_t bytes = 0;
  for (PackedPart const& part : parts) {
    bytes += part.comm.rank() == 0 ? part.file->bytes : 0;
  }
  return parallel::all_reduce(comm, bytes, ReduceOp::sum);
}

}  // namespace

LoadReport load_packed(parallel::Communicator const& comm,
                       std::filesystem::path const& dir,
                       ShardManifest const& manifest,
                       std::span<PackedPart const> parts,
                       LoadOptions const& options) {
  auto const start = std::chrono::steady_clock::now();
  std::vector<files::FileReader> files;
  parallel::run_and_agree(comm, [&] { files = open_files(dir, parts); });
  LoadReport report;
  report.source = LoadSource::shards;
  std::optional<std::string> failure;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    PartPasses passes{parts[i], files[i], cut_of(manifest, options), options};
    passes.run();
    report.rank += passes.counts();
    if (!failure) {
      failure = passes.failure();
    }
  }
  parallel::agree_or_throw(comm, failure);
  report.rank.seconds_total =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.job = combine(comm, report.rank);
  report.bytes_demanded = bytes_needed(comm, parts);
  report.bytes_checkpoint = manifest.total_bytes();
  return report;
}

}  // namespace talus::io
