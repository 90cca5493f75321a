// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "io/ledger/identity.hpp"
#include "io/trace/run_info.hpp"
#include "parallel/grid_shape.hpp"

namespace talus::runtime {

/// What a run was and what came of it, for who wants the same answers again: `OUTPUT.run.json`.
struct RunManifest {
  std::string state;  ///< done, stopped
  std::filesystem::path model, input, output;
  std::string answers;  ///< hash of what all lines say, see io::hash_answers; empty unless done
  std::int64_t num_answers = 0;  ///< lines without an error
  std::int64_t num_errors = 0;
  io::Identity identity;   ///< what decides the answers
  io::NamedTexts options;  ///< of the command, as resolved
  io::NamedTexts versions;
  parallel::GridShape grid;
  std::string host;                ///< of rank 0
  double started_at = 0.0;         ///< Unix time
  double elapsed_s = 0.0;          ///< of this run, from its start
  std::int64_t output_tokens = 0;  ///< of this run
};

/// The manifest beside an output.
[[nodiscard]] std::filesystem::path manifest_of(std::filesystem::path const& output);

/// Replaces the file at once.
///
/// \throws ConfigError  naming the file, if it can't be written
void write_manifest(std::filesystem::path const& file, RunManifest const& manifest);

/// \throws ConfigError  naming the file and the key, if it can't be read or is no manifest
[[nodiscard]] RunManifest read_manifest(std::filesystem::path const& file);

}  // namespace talus::runtime
