// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "jobs/talus/command_line.hpp"
#include "jobs/talus/commands.hpp"
#include "jobs/talus/console.hpp"
#include "jobs/talus/session.hpp"
#include "jobs/talus/versions.hpp"
#include "runtime/base/error.hpp"

namespace {

using namespace talus::jobs;  // NOLINT: the program's own names

/// Where the program is one of several, its ranks can't tell yet which of them is its first.
bool is_one_of_several(int argc, char** argv) {
  return argc > 1 && argv[1] == std::string_view{"engine"};
}

int refuse(std::string_view message, bool is_one_of_several) {
  if (is_one_of_several || launcher_rank() == 0) {
    Console{0, LogLevel::error}.fail(message);
  }
  if (is_one_of_several) {
    end_job_beside(exit_refused);
  }
  return exit_refused;
}

/// The command that the arguments choose, run.
int run_program(int argc, char** argv) {
  CLI::App program{"Talus runs large language models as batch jobs on supercomputers", "talus"};
  program.set_version_flag("--version", talus_version());
  program.require_subcommand(1);
  std::vector<std::pair<std::string, Command>> const commands = {
      {"run", add_run(program)},
      {"engine", add_engine(program)},
      {"audit", add_audit(program)},
      {"doctor", add_doctor(program)},
      {"replay", add_replay(program)},
      {"inspect", add_inspect(program)},
      {"tokenize", add_tokenize(program)},
      {"detokenize", add_detokenize(program)},
      {"render", add_render(program)},
      {"verify", add_verify(program)},
      {"bench", add_bench(program)},
      {"quantize", add_quantize(program)},
      {"shard", add_shard(program)}};
  try {
    std::vector<std::string> arguments = spell_out(argc, argv);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    program.parse(arguments);
  } catch (CLI::ParseError const& error) {
    if (error.get_exit_code() == 0) {
      return launcher_rank() == 0 ? program.exit(error) : exit_done;  // --help, --version
    }
    return refuse(talus::concat(error.what(), " (see talus --help)"),
                  is_one_of_several(argc, argv));
  }
  for (auto const& [name, command] : commands) {
    if (program.got_subcommand(name)) {
      return command();
    }
  }
  return exit_refused;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_program(argc, argv);
  } catch (talus::ConfigError const& error) {
    return refuse(error.what(), is_one_of_several(argc, argv));
  } catch (std::exception const& error) {
    Console{launcher_rank(), LogLevel::error}.fail(error.what());
    return exit_failed;
  }
}
