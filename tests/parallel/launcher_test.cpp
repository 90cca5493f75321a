// SPDX-License-Identifier: Apache-2.0
#include "parallel/launcher.hpp"

#include <map>

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

using Texts = std::map<std::string, std::string>;

/// A process's variables, and the files that they name.
LaunchSource recorded(Texts const& variables, Texts const& files = {}) {
  auto const find_in = [](Texts const& texts) {
    return [texts](std::string const& key) -> std::optional<std::string> {
      auto const found = texts.find(key);
      return found == texts.end() ? std::nullopt : std::optional{found->second};
    };
  };
  return {.variable = find_in(variables), .file = find_in(files)};
}

// What each launcher sets for one of its processes, and what could be mistaken for it.
Texts const open_mpi_4 = {{"OMPI_APP_CTX_NUM_PROCS", "8"},
                          {"OMPI_COMM_WORLD_RANK", "5"},
                          {"OMPI_COMM_WORLD_SIZE", "8"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                          {"OMPI_COMM_WORLD_NODE_RANK", "1"},
                          {"OMPI_MCA_orte_num_nodes", "2"},
                          {"OMPI_UNIVERSE_SIZE", "8"},
                          {"PMIX_RANK", "5"},
                          {"PMIX_NAMESPACE", "840957953"}};
Texts const hydra = {{"MPI_LOCALNRANKS", "4"},
                     {"MPI_LOCALRANKID", "3"},
                     {"PMI_FD", "6"},
                     {"PMI_RANK", "7"},
                     {"PMI_SIZE", "8"}};
Texts const pals = {{"PALS_APID", "5b9a6a2c-5b3f-4a0e-a1b5-61d3e2b0c1f4"},
                    {"PALS_RANKID", "13"},
                    {"PALS_LOCAL_RANKID", "1"},
                    {"PALS_LOCAL_SIZE", "12"},
                    {"PALS_NODEID", "1"},
                    {"PMI_RANK", "13"},
                    {"PMI_SIZE", "24"},
                    {"PMI_LOCAL_RANK", "1"},
                    {"PMI_LOCAL_SIZE", "12"},
                    {"PMI_UNIVERSE_SIZE", "24"},
                    {"PBS_JOBID", "699852.aurora-pbs-0001.hostmgmt.cm.aurora.alcf.anl.gov"},
                    {"PBS_NODEFILE", "/var/spool/pbs/aux/699852"}};
Texts const slurm_pmi2 = {{"SLURM_JOB_ID", "1823346"},
                          {"SLURM_JOBID", "1823346"},
                          {"SLURM_STEP_ID", "0"},
                          {"SLURM_MPI_TYPE", "pmi2"},
                          {"SLURM_JOB_NUM_NODES", "3"},
                          {"SLURM_NNODES", "2"},
                          {"SLURM_JOB_NODELIST", "w[2115-2117]"},
                          {"SLURM_STEP_NODELIST", "w[2115-2116]"},
                          {"SLURM_STEP_NUM_NODES", "2"},
                          {"SLURM_STEP_NUM_TASKS", "4"},
                          {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
                          {"SLURM_NODEID", "1"},
                          {"SLURM_PROCID", "3"},
                          {"SLURM_LOCALID", "1"},
                          {"SLURMD_NODENAME", "w2116"},
                          {"PMI_RANK", "3"},
                          {"PMI_SIZE", "4"},
                          {"PMI_JOBID", "1823346.0"},
                          {"PMI_FD", "14"}};
Texts const flux = {{"FLUX_JOB_ID", "f8dCcwMkGTu"},
                    {"FLUX_JOB_NNODES", "2"},
                    {"FLUX_JOB_SIZE", "8"},
                    {"FLUX_TASK_RANK", "6"},
                    {"FLUX_TASK_LOCAL_ID", "2"},
                    {"FLUX_URI", "local:///var/tmp/flux-Oa1hCb/local-0"},
                    {"PMI_RANK", "6"},
                    {"PMI_SIZE", "8"}};

Texts merged(Texts first, Texts const& second) {
  first.insert(second.begin(), second.end());
  return first;
}

}  // namespace

TEST_CASE("Open MPI's processes know their place") {
  LaunchFacts const facts = read_launch_facts(recorded(open_mpi_4));

  CHECK(facts.launcher == "open_mpi");
  CHECK(facts.rank == 5);
  CHECK(facts.size == 8);
  CHECK(facts.local_rank == 1);
  CHECK(facts.local_size == 4);
  CHECK(facts.scheduler.empty());
  CHECK_FALSE(facts.num_nodes.has_value());
}

TEST_CASE("MPICH's and Intel's Hydra") {
  LaunchFacts const facts = read_launch_facts(recorded(hydra));

  CHECK(facts.launcher == "hydra");
  CHECK(facts.rank == 7);
  CHECK(facts.size == 8);
  CHECK(facts.local_rank == 3);
  CHECK(facts.local_size == 4);
}

TEST_CASE("Cray's PALS in a PBS job: the file of nodes has a line a slot") {
  Texts const file = {{"/var/spool/pbs/aux/699852",
                       "x4305c2s2b0n0.hostmgmt2305.cm.aurora.alcf.anl.gov\n"
                       "x4305c2s2b0n0.hostmgmt2305.cm.aurora.alcf.anl.gov\n"
                       "x4305c2s3b0n0.hostmgmt2305.cm.aurora.alcf.anl.gov\n"}};

  LaunchFacts const facts = read_launch_facts(recorded(pals, file));

  CHECK(facts.launcher == "pals");
  CHECK(facts.rank == 13);
  CHECK(facts.size == 24);
  CHECK(facts.local_rank == 1);
  CHECK(facts.local_size == 12);
  CHECK(facts.scheduler == "pbs");
  CHECK(facts.job_id == "699852.aurora-pbs-0001.hostmgmt.cm.aurora.alcf.anl.gov");
  CHECK(facts.num_nodes == 2);
  CHECK(facts.nodes_from == "PBS_NODEFILE");
  CHECK(facts.nodes == std::vector<std::string>{"x4305c2s2b0n0", "x4305c2s3b0n0"});
}

TEST_CASE("a PMI that tells the place on the node, and one that doesn't") {
  Texts const cray = {
      {"PMI_RANK", "2"}, {"PMI_SIZE", "4"}, {"PMI_LOCAL_RANK", "0"}, {"PMI_LOCAL_SIZE", "2"}};
  Texts const plain = {{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}};

  LaunchFacts const told = read_launch_facts(recorded(cray));
  CHECK(told.launcher == "cray_pmi");
  CHECK(told.local_rank == 0);
  CHECK(told.local_size == 2);
  LaunchFacts const untold = read_launch_facts(recorded(plain));
  CHECK(untold.launcher == "pmi");
  CHECK(untold.rank == 2);
  CHECK(untold.size == 4);
  CHECK_FALSE(untold.local_rank.has_value());
}

TEST_CASE("Slurm's srun: the step's tasks, the job's nodes") {
  LaunchFacts const facts = read_launch_facts(recorded(slurm_pmi2));

  CHECK(facts.launcher == "slurm");
  CHECK(facts.rank == 3);
  CHECK(facts.size == 4);
  CHECK(facts.local_rank == 1);
  CHECK(facts.scheduler == "slurm");
  CHECK(facts.job_id == "1823346");
  CHECK(facts.node == "w2116");
  CHECK(facts.num_nodes == 3);
  CHECK(facts.nodes == std::vector<std::string>{"w2115", "w2116", "w2117"});
  CHECK(facts.step_nodes == 2);
}

TEST_CASE("mpirun and Hydra in a Slurm job: Slurm's task is the launcher's, not ours") {
  Texts daemon = slurm_pmi2;
  daemon.erase("PMI_RANK");
  daemon.erase("PMI_SIZE");

  LaunchFacts const open_mpi = read_launch_facts(recorded(merged(open_mpi_4, daemon)));
  LaunchFacts const mpich = read_launch_facts(recorded(merged(hydra, daemon)));

  CHECK(open_mpi.launcher == "open_mpi");
  CHECK(open_mpi.rank == 5);
  CHECK(open_mpi.scheduler == "slurm");
  CHECK(open_mpi.num_nodes == 3);
  CHECK_FALSE(open_mpi.step_nodes.has_value());
  CHECK(mpich.launcher == "hydra");
  CHECK(mpich.rank == 7);
  CHECK(mpich.num_nodes == 3);
}

TEST_CASE("a batch script's own process is a job of one") {
  Texts const batch = {{"SLURM_JOB_ID", "200505"},
                       {"SLURM_JOB_NUM_NODES", "4"},
                       {"SLURM_JOB_NODELIST", "gnode[10,20,25,37]"},
                       {"SLURM_NTASKS", "4"},
                       {"SLURM_PROCID", "0"},
                       {"SLURM_LOCALID", "0"},
                       {"SLURM_NODEID", "0"},
                       {"SLURMD_NODENAME", "gnode10"}};

  LaunchFacts const facts = read_launch_facts(recorded(batch));

  CHECK(facts.rank == 0);
  CHECK_FALSE(facts.size.has_value());  // SLURM_NTASKS is what srun would start
  CHECK(facts.nodes == std::vector<std::string>{"gnode10", "gnode20", "gnode25", "gnode37"});
}

TEST_CASE("Flux, also inside of a Slurm job") {
  for (Texts const& around : {Texts{}, slurm_pmi2}) {
    LaunchFacts const facts = read_launch_facts(recorded(merged(flux, around)));

    CHECK(facts.launcher == "flux");
    CHECK(facts.rank == 6);
    CHECK(facts.size == 8);
    CHECK(facts.local_rank == 2);
    CHECK(facts.scheduler == "flux");
    CHECK(facts.job_id == "f8dCcwMkGTu");
    CHECK(facts.num_nodes == 2);
    CHECK(facts.nodes_from == "FLUX_JOB_NNODES");
  }
}

TEST_CASE("Torque tells the number of nodes where its file can't be read") {
  Texts const torque = {{"PBS_JOBID", "5436955.rocks.omega"},
                        {"PBS_NODEFILE", "/var/spool/torque/aux//5436955"},
                        {"PBS_NUM_NODES", "8"},
                        {"PBS_NUM_PPN", "1"}};

  LaunchFacts const facts = read_launch_facts(recorded(merged(torque, open_mpi_4)));

  CHECK(facts.num_nodes == 8);
  CHECK(facts.nodes_from == "PBS_NUM_NODES");
}

TEST_CASE("without a scheduler the launcher's own file of hosts is the allocation") {
  Texts const file = {{"hosts", "# ours\nh1 slots=2\nh2.site.org:4\n\nh1 slots=2 # again\n"}};

  LaunchFacts const open_mpi = read_launch_facts(
      recorded(merged(open_mpi_4, {{"OMPI_MCA_orte_default_hostfile", "hosts"}}), file));
  LaunchFacts const mpich =
      read_launch_facts(recorded(merged(hydra, {{"HYDRA_HOST_FILE", "hosts"}}), file));
  LaunchFacts const others =
      read_launch_facts(recorded(merged(open_mpi_4, {{"HYDRA_HOST_FILE", "hosts"}}), file));

  CHECK(open_mpi.nodes == std::vector<std::string>{"h1", "h2"});
  CHECK(open_mpi.num_nodes == 2);
  CHECK(mpich.num_nodes == 2);
  CHECK(mpich.nodes_from == "HYDRA_HOST_FILE");
  CHECK_FALSE(others.num_nodes.has_value());
}

TEST_CASE("nothing, and nonsense, is nothing known") {
  Texts const nonsense = {{"OMPI_COMM_WORLD_RANK", "two"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "-1"},
                          {"SLURM_JOB_ID", "7"},
                          {"SLURM_JOB_NUM_NODES", "3x"},
                          {"SLURM_JOB_NODELIST", "n[1-"}};

  CHECK(read_launch_facts(recorded({})).launcher.empty());
  LaunchFacts const facts = read_launch_facts(recorded(nonsense));
  CHECK(facts.launcher.empty());
  CHECK_FALSE(facts.rank.has_value());
  CHECK_FALSE(facts.num_nodes.has_value());
  CHECK(facts.nodes.empty());
}

TEST_CASE("Slurm's lists of hosts are expanded") {
  using Names = std::vector<std::string>;

  CHECK(expand_host_list("n1") == Names{"n1"});
  CHECK(expand_host_list("n[1-3,7],login") == Names{"n1", "n2", "n3", "n7", "login"});
  CHECK(expand_host_list("nid[000099-000101]") == Names{"nid000099", "nid000100", "nid000101"});
  CHECK(expand_host_list("r[1-2]n[01,02]-ib") ==
        Names{"r1n01-ib", "r1n02-ib", "r2n01-ib", "r2n02-ib"});
  CHECK(expand_host_list("n[3-1]").empty());
  for (char const* const wrong : {"", "n[1-2", "n1]", "n[a-b]", "n[1-2],,x", "n[-]", "n[]"}) {
    CHECK(expand_host_list(wrong).empty());
  }
  CHECK(expand_host_list("n[0-999999999]", 10).size() == 10);
}

TEST_CASE("an address keeps its dots, a name loses its domain") {
  CHECK(short_host("n1.site.org") == "n1");
  CHECK(short_host("10.0.0.7") == "10.0.0.7");
}
