// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/rank_file.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/trace/detail/h5_attributes.hpp"
#include "io/trace/detail/h5_file.hpp"
#include "io/trace/detail/hdf5_check.hpp"
#include "io/trace/hdf5_version.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

// The file makes room for this many expert counts at a time: an hour, or a megabyte.
constexpr hsize_t most_chunk_intervals = 360;
constexpr hsize_t expert_chunk_bytes = 1 << 20;

H5Group create_group(hid_t file, char const* path) {
  return H5Group{hdf5_check(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), path)};
}

H5File create_with_groups(std::filesystem::path const& path) {
  H5File file = create_trace_file(path);
  write_schema_version(file.get());
  create_group(file.get(), "/experts");
  return file;
}

}  // namespace

RankFile::RankFile(std::filesystem::path const& file,
                   RunInfo const& run,
                   TraceOptions const& options)
    : file_{create_with_groups(file)},
      steps_{create_table(file_.get(), steps_schema(), options.step_chunk_rows)},
      requests_{create_table(file_.get(), requests_schema(), options.request_chunk_rows)},
      preemptions_{create_table(file_.get(), preemptions_schema(), options.request_chunk_rows)},
      expert_intervals_{
          create_table(file_.get(), expert_intervals_schema(), options.request_chunk_rows)} {
  if (!run.moe_layers.empty() && run.num_experts > 0) {
    create_experts(run);
  }
  write_run(run);
  set_dropped({});
  write_attribute(file_.get(), "complete", std::int64_t{0});
  flush();
}

void RankFile::write_run(RunInfo const& run) {
  create_group(file_.get(), "/run");
  write_group(file_.get(), "/run/options", run.options);
  write_group(file_.get(), "/run/model", run.model);
  NamedTexts versions = run.versions;
  versions.emplace_back("hdf5", hdf5_version());
  write_group(file_.get(), "/run/versions", versions);

  H5Group const group{hdf5_check(H5Gopen2(file_.get(), "/run", H5P_DEFAULT), "H5Gopen2")};
  for (auto const& [name, value] : {std::pair{"world_size", run.world_size},
                                    {"rank", run.rank},
                                    {"data_parallel_size", run.data_parallel_size},
                                    {"pipeline_parallel_size", run.pipeline_parallel_size},
                                    {"tensor_parallel_size", run.tensor_parallel_size},
                                    {"expert_parallel_size", run.expert_parallel_size},
                                    {"data_parallel_rank", run.data_parallel_rank},
                                    {"pipeline_parallel_rank", run.pipeline_parallel_rank},
                                    {"tensor_parallel_rank", run.tensor_parallel_rank},
                                    {"expert_parallel_rank", run.expert_parallel_rank}}) {
    write_attribute(group.get(), name, std::int64_t{value});
  }
  write_attribute(group.get(), "host", std::string_view{run.host});
  write_attribute(group.get(), "device", std::string_view{run.device});
  write_attribute(group.get(), "epoch_unix_s", run.epoch_unix_s);
}

void RankFile::create_experts(RunInfo const& run) {
  hsize_t const layers = run.moe_layers.size();
  auto const experts = static_cast<hsize_t>(run.num_experts);
  hsize_t const interval_bytes = layers * experts * sizeof(std::uint32_t);
  hsize_t const chunk =
      std::clamp<hsize_t>(expert_chunk_bytes / interval_bytes, 1, most_chunk_intervals);
  expert_tokens_.emplace(
      file_.get(),
      GrowingDatasetSpec{
          expert_tokens_path, H5T_NATIVE_UINT32, H5T_STD_U32LE, {layers, experts}, chunk, nullptr});
  write_attribute(expert_tokens_->id(), "units", std::string_view{"tokens"});
  write_attribute(expert_tokens_->id(), "layers", run.moe_layers);
}

void RankFile::append(std::span<StepRow const> rows) {
  steps_.append(rows.data(), rows.size());
}

void RankFile::append(std::span<RequestRow const> rows) {
  requests_.append(rows.data(), rows.size());
}

void RankFile::append(std::span<PreemptionRow const> rows) {
  preemptions_.append(rows.data(), rows.size());
}

void RankFile::append_experts(ExpertIntervalRow const& interval,
                              std::span<std::uint32_t const> tokens) {
  expert_tokens_->append(tokens.data(), 1);
  expert_intervals_.append(&interval, 1);
}

void RankFile::set_dropped(DroppedCounts const& dropped) {
  for (auto const& [name, count] : {std::pair{"dropped_steps", dropped.steps},
                                    {"dropped_requests", dropped.requests},
                                    {"dropped_preemptions", dropped.preemptions}}) {
    write_attribute(file_.get(), name, static_cast<std::int64_t>(count));
  }
}

void RankFile::flush() {
  hdf5_check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL), "H5Fflush");
}

void RankFile::finish() {
  write_attribute(file_.get(), "complete", std::int64_t{1});
  flush();
}

void RankFile::abandon() noexcept {
  void* descriptor = nullptr;
  if (H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &descriptor) < 0) {
    return;
  }
  int const memory = memfd_create("talus-trace", MFD_CLOEXEC);
  if (memory >= 0) {
    dup3(memory, *static_cast<int const*>(descriptor), O_CLOEXEC);
    ::close(memory);
  }
}

}  // namespace talus::io::detail
