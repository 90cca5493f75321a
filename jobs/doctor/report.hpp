// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/module.hpp"
#include "parallel/launcher.hpp"

/// \file
/// What `talus doctor` measures and concludes. README.md has the JSON that is made of it.

namespace talus::doctor {

/// What one rank is, and what it reaches. Rates that could not be measured are 0.
struct RankFacts {
  int rank = 0;        ///< in MPI_COMM_WORLD
  std::string host{};  ///< without the domain
  int node_rank = 0;   ///< place among the ranks of its host
  std::vector<int> cores{};
  std::vector<int> numa{};
  int num_host_cores = 0;  ///< of the host, that the job may use
  int threads = 0;
  std::string processor{};
  double arithmetic_rate = 0.0;       ///< float32 operations a second, alone on its cores
  double memory_rate_alone = 0.0;     ///< bytes a second, alone on the node
  double memory_rate_together = 0.0;  ///< bytes a second, all ranks of the node reading
  std::int64_t file_bytes = 0;        ///< read of the checkpoint
  double file_seconds = 0.0;
  std::string thread_level{};                     ///< "multiple", ...: what MPI granted
  std::optional<kernels::cuda::Devices> cards{};  ///< that it sees; nothing: nobody looked
};

/// Two ranks, and what goes between them.
struct Link {
  int ranks[2] = {0, 0};          ///< in MPI_COMM_WORLD
  double latency = 0.0;           ///< seconds, half of the fastest round trip of 16 bytes
  double bytes_per_second = 0.0;  ///< one way, in messages of 1 MiB
};

/// How a host's clock differs from the first host's.
struct ClockOffset {
  int rank = 0;          ///< the host's first
  double seconds = 0.0;  ///< its time less the first host's
  double error = 0.0;    ///< at most so much off; the measuring messages bound it
};

/// Something about how MPI moves messages, and how it was seen.
struct TransportFact {
  std::string what;  ///< "pml ob1", "btl tcp", "netmod ofi", "unknown"
  std::string seen;  ///< "MPI_T: its control variables are there", ...
};

/// How fast the checkpoint can be read.
struct FileFacts {
  std::string path{};
  std::string file_system{};  ///< by statfs: "lustre", "ext", or a number
  std::string how{};          ///< "direct": past the page cache; "dropped": it was told to forget
  std::int64_t total_bytes = 0;   ///< of the checkpoint's files
  std::int64_t read_bytes = 0;    ///< by all ranks together
  double bytes_per_second = 0.0;  ///< of all ranks together
  std::string problem{};          ///< why nothing could be read; empty: it could
};

/// Everything but the conclusions, complete on rank 0.
struct Report {
  std::vector<std::pair<std::string, std::string>> versions;
  parallel::LaunchFacts launch;  ///< rank 0's
  std::string left_out;          ///< nodes without ranks, in a sentence; empty: none
  std::vector<TransportFact> transport;
  std::vector<RankFacts> ranks;        ///< by rank
  std::vector<Link> links;             ///< between hosts
  std::int64_t num_host_pairs = 0;     ///< of which these are measured
  std::vector<Link> inside;            ///< one for each host with two ranks or more
  std::vector<ClockOffset> clocks;     ///< by host, the first host's being 0
  std::optional<FileFacts> file;       ///< if a checkpoint was given
  std::int64_t memory_bytes_read = 0;  ///< by a rank, for a memory rate
  int ranks_at_a_time = 1;             ///< of a node, that were measured "alone"
  double seconds = 0.0;                ///< that the examination took
};

/// Something that looks wrong.
struct Finding {
  std::string kind;  ///< one of README.md's list
  std::string text;  ///< a sentence for the user
  std::vector<int> ranks;
  std::vector<std::string> hosts;
};

}  // namespace talus::doctor
