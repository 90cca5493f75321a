// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parallel/process_grid.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/prompts.hpp"

namespace talus::runtime {

/// What a user can set for the answers of a model, beside the model's own options.
struct AnswerOptions {
  std::string served_model_name;  ///< as the answers name the model; empty: the directory's name
  std::string reasoning_parser;   ///< empty: none
};

/// What all requests to a planned model have in common. Local.
///
/// \param reporter  told of the sampling defaults; null: nobody
/// \throws ConfigError  if the model's generation config is damaged, or the parser isn't known
[[nodiscard]] BatchRules make_rules(parallel::ProcessGrid const& grid,
                                    ModelPlan const& plan,
                                    ModelOptions const& options,
                                    AnswerOptions const& answers,
                                    Reporter* reporter);

/// The token that the tokenizer names as the end of a text ends answers too, beside those of the
/// configs: so vLLM does it. Collective over grid.world().
///
/// \param text  on rank 0; not looked at elsewhere
void add_end_of_tokenizer(parallel::ProcessGrid const& grid,
                          TextModel const* text,
                          ModelPlan& plan,
                          BatchRules& rules);

}  // namespace talus::runtime
