// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "io/ledger/identity.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// What decides a run's answers, by name, for its ledger: the model's text files by their hashes;
/// its weights by names, shapes and sizes, and by pieces of their content; the input; each option
/// that changes an answer, as it was resolved.
///
/// \param input    the file of requests
/// \param version  of the program
/// \throws ConfigError  if a file can't be read
/// Cost: reads the input once, and 32 KiB of each file of weights.
[[nodiscard]] io::Identity run_identity(ModelOptions const& options,
                                        BatchOptions const& batch,
                                        ModelPlan const& plan,
                                        BatchRules const& rules,
                                        std::filesystem::path const& input,
                                        std::string const& version);

}  // namespace talus::runtime
