// SPDX-License-Identifier: Apache-2.0
#include "parallel/start_check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>

#include "parallel/binding.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::parallel {

namespace {

// Sentences of a kind that are told; there may be one for each of thousands of hosts.
constexpr std::size_t most_warnings = 8;

// What a rank tells the first of its node: numbers, then the node's name.
std::vector<std::int32_t> packed(int rank, ProcessPlace const& place, std::string const& node) {
  std::vector<std::int32_t> numbers{
      rank, place.num_host_cores, static_cast<std::int32_t>(place.cores.size())};
  numbers.insert(numbers.end(), place.cores.begin(), place.cores.end());
  numbers.insert(numbers.end(), node.begin(), node.end());
  return numbers;
}

// What is known of a host, on its first rank.
struct HostReport {
  std::set<std::string> nodes;  // their names
  std::vector<std::string> warnings;
};

HostReport examine_host(std::string const& host, std::vector<std::vector<std::byte>> const& parts) {
  HostReport report;
  std::vector<BoundRank> ranks;
  int num_host_cores = 0;
  for (std::vector<std::byte> const& bytes : parts) {
    auto const numbers = values_of<std::int32_t>(bytes);
    auto const cores = numbers.begin() + 3;
    auto const name = cores + numbers[2];
    num_host_cores = std::max(num_host_cores, numbers[1]);
    ranks.push_back({numbers[0], {cores, name}});
    report.nodes.emplace(name, numbers.end());
  }
  for (BindingFinding& finding : binding_findings(host, ranks, num_host_cores)) {
    report.warnings.push_back(std::move(finding.text));
  }
  return report;
}

// A host's report as lines: how many nodes, their names, the warnings.
std::string to_lines(HostReport const& report) {
  std::string text = concat(report.nodes.size(), '\n');
  for (std::string const& node : report.nodes) {
    text += node + '\n';
  }
  for (std::string const& warning : report.warnings) {
    text += warning + '\n';
  }
  return text;
}

void add_lines(std::span<std::byte const> bytes,
               std::vector<std::string>& nodes,
               std::vector<std::string>& warnings) {
  std::istringstream in{std::string{as_text(bytes)}};
  std::size_t num_nodes = 0;
  in >> num_nodes >> std::ws;
  for (std::string line; std::getline(in, line);) {
    (num_nodes > 0 ? nodes : warnings).push_back(line);
    num_nodes -= num_nodes > 0 ? 1 : 0;
  }
}

void shorten(std::vector<std::string>& warnings) {
  if (warnings.size() > most_warnings) {
    std::size_t const more = warnings.size() - most_warnings;
    warnings.resize(most_warnings);
    warnings.push_back(concat("the same or like it on ", more, " more hosts"));
  }
}

std::string joined(std::vector<std::string> const& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), most_warnings); ++i) {
    text += (i > 0 ? ", " : "") + names[i];
  }
  return names.size() > most_warnings ? text + ", ..." : text;
}

}  // namespace

std::string describe_left_out(LaunchFacts const& facts,
                              std::vector<std::string> const& used,
                              int hosts) {
  std::set<std::string> const names{used.begin(), used.end()};
  int const num_used = std::max(hosts, static_cast<int>(names.size()));
  if (!facts.num_nodes || num_used >= *facts.num_nodes) {
    return {};
  }
  std::vector<std::string> idle;
  std::copy_if(facts.nodes.begin(),
               facts.nodes.end(),
               std::back_inserter(idle),
               [&](std::string const& node) { return !names.contains(node); });
  // Names help only if they are of one kind: then as many are left as nodes.
  bool const are_known = std::ssize(idle) == *facts.num_nodes - num_used;
  bool const is_part =
      facts.step_nodes && *facts.step_nodes < *facts.num_nodes && num_used >= *facts.step_nodes;
  return concat(*facts.num_nodes - num_used,
                " of the ",
                *facts.num_nodes,
                " nodes that ",
                facts.nodes_from,
                " tells of have no rank",
                are_known ? concat(": ", joined(idle)) : std::string{},
                is_part ? concat(" (this job step was given ",
                                 *facts.step_nodes,
                                 "; they do nothing unless other steps run there)")
                        : std::string{" (they do nothing in this run)"});
}

std::string describe_mismatch(LaunchFacts const& facts, int world_size) {
  if (world_size > 1 || facts.size.value_or(1) <= 1) {
    return {};
  }
  return concat("the launcher (",
                facts.launcher,
                ") started ",
                *facts.size,
                " processes, and each is a job of one rank (the launcher is another MPI's than the "
                "program's, or srun needs --mpi=pmix or pmi2)");
}

StartReport check_start(Communicator const& world, LaunchFacts const& facts) {
  Communicator const node = world.split_by_node();
  Communicator const leaders = world.split(node.rank() == 0 ? 0 : 1, world.rank());
  ProcessPlace const place = local_process_place();
  std::vector<std::int32_t> const mine =
      packed(world.rank(), place, facts.node.empty() ? place.host : facts.node);
  auto const parts = gather_bytes(node, std::as_bytes(std::span{mine}), 0);
  StartReport report;
  if (node.rank() != 0) {
    return report;
  }
  std::string const lines = to_lines(examine_host(place.host, parts));
  std::vector<std::string> used;
  for (auto const& bytes : gather_bytes(leaders, std::as_bytes(std::span{lines}), 0)) {
    add_lines(bytes, used, report.warnings);
  }
  if (world.rank() != 0) {
    return {};
  }
  shorten(report.warnings);
  if (std::string mismatch = describe_mismatch(facts, world.size()); !mismatch.empty()) {
    report.warnings.push_back(std::move(mismatch));
  }
  report.left_out = describe_left_out(facts, used, leaders.size());
  return report;
}

}  // namespace talus::parallel
