// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace talus::jobs {

/// What a command does once its options are read: returns the exit code, throws ConfigError.
using Command = std::function<int()>;

/// Each adds its subcommand to the program, and returns what to call if it was chosen.
Command add_audit(CLI::App& program);
Command add_doctor(CLI::App& program);
Command add_run(CLI::App& program);
Command add_engine(CLI::App& program);
Command add_replay(CLI::App& program);
Command add_inspect(CLI::App& program);
Command add_tokenize(CLI::App& program);
Command add_detokenize(CLI::App& program);
Command add_render(CLI::App& program);
Command add_verify(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_quantize(CLI::App& program);
Command add_shard(CLI::App& program);

/// Exit codes that scripts rely on.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_refused = 2;
inline constexpr int exit_hung = 70;     ///< ended by its watchdog
inline constexpr int exit_stopped = 75;  ///< on purpose, with work left: run again with --resume

}  // namespace talus::jobs
