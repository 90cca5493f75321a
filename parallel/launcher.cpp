// SPDX-License-Identifier: Apache-2.0
#include "parallel/launcher.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

namespace talus::parallel {

namespace {

// Names of variables; null: this launcher has none. The two first are there in each of its
// processes.
struct Launcher {
  char const* name;
  char const* rank;
  char const* local_rank;
  char const* size;
  char const* local_size;
};

// Nearest launcher first: mpirun's and PALS' processes inherit Slurm's and PBS' variables, and a
// Flux instance's those of the Slurm job that it runs in. Slurm sets its own beside PMIx' and
// PMI's, which don't tell the place on the node.
constexpr Launcher launchers[] = {
    {"open_mpi",
     "OMPI_COMM_WORLD_RANK",
     "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"hydra", "PMI_RANK", "MPI_LOCALRANKID", "PMI_SIZE", "MPI_LOCALNRANKS"},
    {"pals", "PALS_RANKID", "PALS_LOCAL_RANKID", "PMI_SIZE", "PALS_LOCAL_SIZE"},
    {"cray_pmi", "PMI_RANK", "PMI_LOCAL_RANK", "PMI_SIZE", "PMI_LOCAL_SIZE"},
    {"flux", "FLUX_TASK_RANK", "FLUX_TASK_LOCAL_ID", "FLUX_JOB_SIZE", nullptr},
    {"slurm", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS", nullptr},
    {"pmix", "PMIX_RANK", "PMIX_RANK", nullptr, nullptr},
    {"pmi", "PMI_RANK", "PMI_RANK", "PMI_SIZE", nullptr},
};

class Reader {
 public:
  explicit Reader(LaunchSource const& source) : source_{&source} {}

  [[nodiscard]] std::optional<std::string> text(char const* name) const {
    return name == nullptr ? std::nullopt : source_->variable(name);
  }

  [[nodiscard]] std::string text_or_empty(char const* name) const {
    return text(name).value_or(std::string{});
  }

  [[nodiscard]] std::optional<int> number(char const* name) const {
    std::optional<std::string> const value = text(name);
    if (!value) {
      return std::nullopt;
    }
    int result = 0;
    char const* const end = value->data() + value->size();
    auto const [rest, error] = std::from_chars(value->data(), end, result);
    return error == std::errc{} && rest == end && result >= 0 ? std::optional{result}
                                                              : std::nullopt;
  }

  // The hosts in the file that a variable names; none where there is no such file.
  [[nodiscard]] std::vector<std::string> hosts(char const* name) const {
    std::optional<std::string> const file = text(name);
    std::optional<std::string> const content = file ? source_->file(*file) : std::nullopt;
    return content ? hosts_of_file(*content) : std::vector<std::string>{};
  }

 private:
  LaunchSource const* source_;
};

void read_launcher(Reader const& reader, LaunchFacts& facts) {
  for (Launcher const& launcher : launchers) {
    if (reader.number(launcher.rank) && reader.number(launcher.local_rank)) {
      facts.launcher = launcher.name;
      facts.rank = reader.number(launcher.rank);
      facts.size = reader.number(launcher.size);
      if (launcher.local_rank != launcher.rank) {
        facts.local_rank = reader.number(launcher.local_rank);
      }
      facts.local_size = reader.number(launcher.local_size);
      return;
    }
  }
}

void take_nodes(LaunchFacts& facts, char const* variable, std::vector<std::string> nodes) {
  if (!nodes.empty()) {
    facts.num_nodes = static_cast<int>(nodes.size());
    facts.nodes_from = variable;
    facts.nodes = std::move(nodes);
  }
}

void read_slurm(Reader const& reader, LaunchFacts& facts) {
  facts.scheduler = "slurm";
  facts.job_id = reader.text("SLURM_JOB_ID").value_or(reader.text_or_empty("SLURM_JOBID"));
  facts.node = reader.text_or_empty("SLURMD_NODENAME");
  if (reader.text("SLURM_HET_SIZE")) {
    return;  // each part of a heterogeneous job has variables of its own
  }
  facts.num_nodes = reader.number("SLURM_JOB_NUM_NODES");
  facts.nodes_from = facts.num_nodes ? "SLURM_JOB_NUM_NODES" : "";
  if (facts.launcher == "slurm" ||
      facts.launcher == "cray_pmi") {  // else it is the launcher's step
    facts.step_nodes = reader.number("SLURM_STEP_NUM_NODES");
  }
  facts.nodes = expand_host_list(reader.text_or_empty("SLURM_JOB_NODELIST"));
  if (facts.num_nodes && std::ssize(facts.nodes) != *facts.num_nodes) {
    facts.nodes.clear();
  }
}

void read_scheduler(Reader const& reader, LaunchFacts& facts) {
  if (reader.text("FLUX_JOB_ID")) {
    facts.scheduler = "flux";
    facts.job_id = reader.text_or_empty("FLUX_JOB_ID");
    facts.num_nodes = reader.number("FLUX_JOB_NNODES");
    facts.nodes_from = facts.num_nodes ? "FLUX_JOB_NNODES" : "";
  } else if (reader.text("SLURM_JOB_ID") || reader.text("SLURM_JOBID")) {
    read_slurm(reader, facts);
  } else if (reader.text("PBS_JOBID")) {
    facts.scheduler = "pbs";
    facts.job_id = reader.text_or_empty("PBS_JOBID");
    take_nodes(facts, "PBS_NODEFILE", reader.hosts("PBS_NODEFILE"));
    if (!facts.num_nodes && reader.number("PBS_NUM_NODES")) {
      facts.num_nodes = reader.number("PBS_NUM_NODES");
      facts.nodes_from = "PBS_NUM_NODES";
    }
  }
}

void read_host_file(Reader const& reader, LaunchFacts& facts) {
  constexpr std::pair<std::string_view, char const*> files[] = {
      {"open_mpi", "OMPI_MCA_orte_default_hostfile"},
      {"open_mpi", "PRTE_MCA_prte_default_hostfile"},
      {"hydra", "HYDRA_HOST_FILE"},
      {"hydra", "I_MPI_HYDRA_HOST_FILE"}};
  for (auto const& [launcher, variable] : files) {
    if (facts.launcher == launcher && !facts.num_nodes) {
      take_nodes(facts, variable, reader.hosts(variable));
    }
  }
}

}  // namespace

LaunchFacts read_launch_facts(LaunchSource const& source) {
  Reader const reader{source};
  LaunchFacts facts;
  read_launcher(reader, facts);
  read_scheduler(reader, facts);
  if (facts.scheduler.empty()) {
    read_host_file(reader, facts);
  }
  return facts;
}

LaunchSource process_launch_source() {
  return {.variable = [](std::string const& name) -> std::optional<std::string> {
            char const* const value = std::getenv(name.c_str());
            return value == nullptr || *value == '\0' ? std::nullopt
                                                      : std::optional<std::string>{value};
          },
          .file = [](std::string const& file) -> std::optional<std::string> {
            std::ifstream in{file};
            std::string text{std::istreambuf_iterator<char>{in}, {}};
            return in ? std::optional{std::move(text)} : std::nullopt;
          }};
}

}  // namespace talus::parallel
