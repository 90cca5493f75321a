// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/request_rules.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "parallel/collectives.hpp"

namespace talus::runtime {

BatchRules make_rules(parallel::ProcessGrid const& grid,
                      ModelPlan const& plan,
                      ModelOptions const& options,
                      AnswerOptions const& answers,
                      Reporter* reporter) {
  io::GenerationDefaults const defaults = io::parse_generation_defaults(
      plan.texts.generation, std::filesystem::path{options.model} / "generation_config.json");
  if (reporter != nullptr) {
    reporter->info(io::describe(defaults));
    for (std::string const& warning : defaults.warnings) {
      reporter->warn(warning);
    }
  }
  std::filesystem::path const dir = std::filesystem::path{options.model}.lexically_normal();
  std::string const name =
      dir.has_filename() ? dir.filename().string() : dir.parent_path().filename().string();
  BatchRules rules;
  rules.max_model_len = plan.max_model_len;
  rules.vocab = plan.spec.vocab;
  rules.seed = options.seed;
  rules.defaults = defaults.defaults;
  rules.reasoning = answers.reasoning_parser.empty()
                        ? io::ReasoningParser::none
                        : io::reasoning_parser(answers.reasoning_parser);
  auto const now = std::chrono::system_clock::now().time_since_epoch();
  rules.labels = {.run_id = std::to_string(now.count()),
                  .model = answers.served_model_name.empty() ? name : answers.served_model_name};
  rules.num_replicas = grid.shape().dp;
  rules.replica = grid.here().dp;
  return rules;
}

void add_end_of_tokenizer(parallel::ProcessGrid const& grid,
                          TextModel const* text,
                          ModelPlan& plan,
                          BatchRules& rules) {
  std::int32_t end = -1;
  if (grid.world().rank() == 0) {
    auto const name = text->tokenizer().eos_token();
    end = name ? text->tokenizer().token_id(*name).value_or(end) : end;
  }
  parallel::broadcast(grid.world(), std::span{&end, 1}, 0);
  std::vector<std::int32_t>& ends = plan.spec.eos_tokens;
  bool const is_new = std::find(ends.begin(), ends.end(), end) == ends.end();
  if (is_new && end >= 0 && end < plan.spec.vocab) {
    ends.push_back(end);
  }
  rules.eos_tokens = ends;
}

}  // namespace talus::runtime
