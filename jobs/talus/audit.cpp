// SPDX-License-Identifier: Apache-2.0
#include "io/requests/audit.hpp"

#include <iostream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"

namespace talus::jobs {
namespace {

struct Arguments {
  std::string input;
  std::string output;
  bool json = false;
};

template <class Visitor>
void visit_findings(io::Audit const& audit, Visitor const& visit) {
  visit("missing", audit.missing);
  visit("repeated", audit.repeated);
  visit("unknown", audit.unknown);
  visit("broken", audit.broken);
}

void print_json(io::Audit const& audit) {
  io::Json json = {{"complete", audit.is_complete()},
                   {"requests", audit.requests},
                   {"answers", audit.answers},
                   {"errors", audit.errors}};
  visit_findings(audit, [&](char const* name, io::AuditFinding const& finding) {
    json[name] = {{"count", finding.count}, {"first", finding.first}};
  });
  std::cout << json.dump(2) << '\n';
}

void print_lines(io::Audit const& audit) {
  std::cout << (audit.is_complete() ? "complete" : "NOT complete") << ": " << audit.requests
            << " requests, " << audit.answers << " answers and " << audit.errors << " errors\n";
  visit_findings(audit, [](char const* name, io::AuditFinding const& finding) {
    if (finding.count == 0) {
      return;
    }
    std::cout << name << ' ' << finding.count << ':';
    for (std::string const& one : finding.first) {
      std::cout << ' ' << one;
    }
    std::cout << (finding.count > std::ssize(finding.first) ? " ...\n" : "\n");
  });
}

}  // namespace

Command add_audit(CLI::App& program) {
  CLI::App* const app =
      program.add_subcommand("audit", "Prove that each request of an input has its one answer");
  auto const arguments = std::make_shared<Arguments>();
  app->add_option("--input-file,-i", arguments->input, "Requests")->required();
  app->add_option("--output-file,-o", arguments->output, "Answers")->required();
  app->add_flag("--json", arguments->json, "One JSON object instead of lines");
  return [arguments] {
    if (launcher_rank() != 0) {
      return exit_done;
    }
    io::Audit const audit = io::audit_output(arguments->input, arguments->output);
    arguments->json ? print_json(audit) : print_lines(audit);
    std::cout << std::flush;
    return audit.is_complete() ? exit_done : exit_failed;
  };
}

}  // namespace talus::jobs
