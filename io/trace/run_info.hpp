// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace talus::io {

/// Named texts, in order; a later one of the same name counts.
using NamedTexts = std::vector<std::pair<std::string, std::string>>;

/// What is true of a whole run as one rank sees it; stored once in the rank's trace file.
struct RunInfo {
  int world_size = 1;
  int rank = 0;

  int data_parallel_size = 1;
  int pipeline_parallel_size = 1;
  int tensor_parallel_size = 1;
  int expert_parallel_size = 1;
  int data_parallel_rank = 0;
  int pipeline_parallel_rank = 0;
  int tensor_parallel_rank = 0;
  int expert_parallel_rank = 0;

  std::string host{};    ///< name of the node
  std::string device{};  ///< what the rank computes on: "cores 0-7", a GPU's name

  /// Zero of all times of the trace, in seconds since 1970-01-01 00:00 UTC. The same on all ranks,
  /// or their times can't be compared.
  double epoch_unix_s = 0;

  NamedTexts options{};   ///< every option as it was resolved: {"--tensor-parallel-size", "2"}
  NamedTexts model{};     ///< name, family, number of parameters, hash of the config, ...
  NamedTexts versions{};  ///< talus, MPI library, backend, ...; HDF5's is added

  /// The model's layers on this rank that have routed experts, ascending; with num_experts what the
  /// expert counts are about. Both empty for a dense model.
  std::vector<int> moe_layers{};
  int num_experts = 0;  ///< routed experts of a layer, over all ranks
};

}  // namespace talus::io
