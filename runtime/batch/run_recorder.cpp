// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_recorder.hpp"

#include "io/requests/answers_hash.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/run_identity.hpp"

namespace talus::runtime {
namespace {

std::string version_of(RunRecord const& record) {
  for (auto const& [name, value] : record.versions) {
    if (name == "talus") {
      return value;
    }
  }
  return {};
}

}  // namespace

void RunRecorder::note(std::string const& name, std::string const& text) {
  if (!text.empty()) {
    notes_.emplace_back(name, text);
  }
}

io::NamedTexts RunRecorder::versions() const {
  io::NamedTexts all = record_->versions;
  all.insert(all.end(), notes_.begin(), notes_.end());
  return all;
}

void RunRecorder::identify(ModelPlan const& plan,
                           BatchRules const& rules,
                           std::filesystem::path const& input) {
  identity_ = run_identity(*options_, *batch_, plan, rules, input, version_of(*record_));
  if (record_->expected.empty()) {
    return;
  }
  std::string const difference =
      io::describe_difference(identity_, record_->expected, "the manifest");
  if (!difference.empty()) {
    throw ConfigError{concat("not the same run: ",
                             difference,
                             " (may be others: the grid, batch sizes, memory, threads, and where "
                             "output and trace go)")};
  }
}

void RunRecorder::leave_manifest(RunOutcome const& outcome,
                                 std::filesystem::path const& input,
                                 Reporter& reporter) const {
  try {
    write_manifest(manifest_of(batch_->output), make_manifest(outcome, input));
  } catch (ConfigError const& error) {
    reporter.warn(concat("no record of the run: ", error.what()));
  }
}

RunManifest RunRecorder::make_manifest(RunOutcome const& outcome,
                                       std::filesystem::path const& input) const {
  std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start_;
  // It reads all of the output, for which a run that must stop in time has none; nor can such a run
  // be repeated.
  std::string const hash_of_answers =
      outcome.state == "done" ? io::combine(io::hash_answers(batch_->output)) : std::string{};
  std::chrono::duration<double> const now = std::chrono::system_clock::now().time_since_epoch();
  return {.state = outcome.state,
          .model = std::filesystem::absolute(options_->model),
          .input = std::filesystem::absolute(input),
          .output = std::filesystem::absolute(batch_->output),
          .answers = hash_of_answers,
          .num_answers = outcome.counts.answers,
          .num_errors = outcome.counts.errors,
          .identity = identity_,
          .options = record_->options,
          .versions = versions(),
          .grid = outcome.grid,
          .host = parallel::host_name(),
          .started_at = (now - elapsed).count(),
          .elapsed_s = elapsed.count(),
          .output_tokens = outcome.counts.output_tokens};
}

}  // namespace talus::runtime
