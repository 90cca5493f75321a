// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "jobs/doctor/evidence.hpp"
#include "jobs/doctor/worst_first.hpp"
#include "parallel/binding.hpp"
#include "parallel/start_check.hpp"
#include "runtime/base/error.hpp"

namespace talus::doctor {

namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::toupper(c));
  });
  return text;
}

void find_thread_level(Evidence const& evidence, Findings& findings) {
  std::vector<int> weak;
  for (RankFacts const& rank : evidence.report().ranks) {
    if (rank.thread_level != "multiple") {
      weak.push_back(rank.rank);
    }
  }
  if (!weak.empty()) {
    std::string level =
        evidence.report().ranks[static_cast<std::size_t>(weak.front())].thread_level;
    findings.push_back({"thread_level",
                        concat("MPI grants MPI_THREAD_",
                               upper(level),
                               " on ",
                               weak.size(),
                               " ranks (Talus asks for MPI_THREAD_MULTIPLE; MPI may have been "
                               "built without it)"),
                        weak,
                        {}});
  }
}

}  // namespace

void find_start(Evidence const& evidence, Findings& findings) {
  if (!evidence.report().left_out.empty()) {
    findings.push_back({"idle_node", evidence.report().left_out, {}, {}});
  }
  std::string mismatch = parallel::describe_mismatch(
      evidence.report().launch, static_cast<int>(evidence.report().ranks.size()));
  if (!mismatch.empty()) {
    findings.push_back({"launcher_mismatch", std::move(mismatch), {0}, {}});
  }
  find_thread_level(evidence, findings);
}

void find_bindings(Evidence const& evidence, Findings& findings) {
  WorstFirst kind{evidence.thresholds().most_of_a_kind};
  for (auto const& [host, ranks] : evidence.by_host()) {
    std::vector<parallel::BoundRank> bound;
    int num_host_cores = 0;
    for (RankFacts const* rank : ranks) {
      bound.push_back({rank->rank, rank->cores});
      num_host_cores = std::max(num_host_cores, rank->num_host_cores);
    }
    for (auto& found : parallel::binding_findings(host, bound, num_host_cores)) {
      kind.add(static_cast<double>(found.ranks.size()),
               {found.kind, found.text, std::move(found.ranks), {host}});
    }
  }
  kind.move_to(findings);
}

void find_processors(Evidence const& evidence, Findings& findings) {
  std::map<std::string, std::set<std::string>> hosts;
  for (RankFacts const& rank : evidence.report().ranks) {
    hosts[rank.processor].insert(rank.host);
  }
  if (hosts.size() > 1) {
    std::string text = "hosts have different processors, and answers may differ between them:";
    for (auto const& [processor, names] : hosts) {
      text += concat(processor == hosts.begin()->first ? " " : "; ",
                     processor,
                     " on ",
                     names.size(),
                     names.size() == 1 ? " host (" : " hosts (",
                     *names.begin(),
                     names.size() == 1 ? ")" : ", ...)");
    }
    findings.push_back({"different_processors", text, {}, {}});
  }
}

}  // namespace talus::doctor
