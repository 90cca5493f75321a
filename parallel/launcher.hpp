// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace talus::parallel {

/// Where a launcher and a scheduler say what they did: the process's environment, or a recorded
/// one.
struct LaunchSource {
  /// The value of a variable; none if it is not set or empty.
  std::function<std::optional<std::string>(std::string const& name)> variable;
  /// The text of a file that a variable names; none if it can't be read.
  std::function<std::optional<std::string>(std::string const& file)> file;
};

/// What the launcher and the scheduler told this process, before and beside MPI.
struct LaunchFacts {
  std::string launcher;  ///< "open_mpi", "hydra", "pals", "cray_pmi", "flux", "slurm", "pmix",
                         ///< "pmi"; empty: none known
  std::optional<int> rank;
  std::optional<int> size;        ///< processes of the job step
  std::optional<int> local_rank;  ///< among those of this node
  std::optional<int> local_size;
  std::string scheduler;           ///< "slurm", "flux", "pbs"; empty: none known
  std::string job_id;              ///< of the scheduler
  std::string node;                ///< this node, as the scheduler calls it; empty: it doesn't say
  std::optional<int> num_nodes;    ///< of the allocation
  std::string nodes_from;          ///< the variable that told num_nodes
  std::vector<std::string> nodes;  ///< their names, short; empty: not told
  std::optional<int> step_nodes;   ///< of the job step that this process is in, where the launcher
                                   ///< makes steps of some of the allocation's nodes
};

/// Reads what Open MPI, MPICH's and Intel's Hydra, Cray's PALS and PMI, Flux, Slurm, PBS and PMIx
/// put into the environment. What is not a number where one belongs counts as not set.
///
/// The launcher that started this process comes before one that started that launcher: a process
/// of mpirun's in a Slurm job has Slurm's variables too, those of another process. Without a
/// scheduler a file of hosts that the launcher takes by itself is the allocation.
[[nodiscard]] LaunchFacts read_launch_facts(LaunchSource const& source);

/// The source that is this process's own environment and file system.
[[nodiscard]] LaunchSource process_launch_source();

/// The names in Slurm's notation: "n[1-2,07],login" is n1, n2, n07, login; empty if it isn't one.
/// Beyond `most` names it stops.
[[nodiscard]] std::vector<std::string> expand_host_list(std::string_view list,
                                                        std::size_t most = 100'000);

/// The different names in a file of hosts, a line each: up to a blank or ':', without the domain;
/// '#' begins a comment.
[[nodiscard]] std::vector<std::string> hosts_of_file(std::string_view text);

/// A host's name without its domain.
[[nodiscard]] std::string short_host(std::string_view name);

}  // namespace talus::parallel
