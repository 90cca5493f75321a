// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/trace/run_info.hpp"
#include "runtime/batch/run_options.hpp"

namespace CLI {
class App;
}

namespace talus {
struct Options;
}

namespace talus::jobs {

/// Adds the options of runtime::ModelOptions to a command.
void add_model_options(CLI::App& app, runtime::ModelOptions& options);

/// Adds the options of runtime::BatchOptions to a command.
void add_batch_options(CLI::App& app, runtime::BatchOptions& options);

/// What ends an engine that other programs ask, beside these.
struct EngineStops {
  std::string hang_timeout = "30";  ///< see hang_limit
  std::string time_limit = "auto";  ///< see check_limit
  double time_margin = 30;          ///< seconds
};

/// Adds the options of an engine that other programs ask to a command.
void add_engine_options(CLI::App& app, talus::Options& options, EngineStops& stops);

/// Fills the options of a command that the command line left out from a YAML file of `flag: value`
/// lines, the flags spelled without their dashes, - or _ inside.
///
/// \throws ConfigError  if the file can't be read, or has a key that is no option
void apply_config_file(CLI::App& app, std::string const& file);

/// Every option as it was resolved, for the run's record.
[[nodiscard]] io::NamedTexts resolved_options(runtime::ModelOptions const& model,
                                              runtime::BatchOptions const& batch);

/// The arguments with the short flags that vLLM users know (-tp, -pp, -dp, -ep) spelled out.
[[nodiscard]] std::vector<std::string> spell_out(int argc, char const* const* argv);

}  // namespace talus::jobs
