// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_report.hpp"

#include <chrono>
#include <cmath>

#include "runtime/base/error.hpp"
#include "runtime/batch/stragglers.hpp"

namespace talus::runtime {
namespace {

std::string told_output(AnswerCounts const& counts, BatchOptions const& batch) {
  return concat(counts.answers, " answers and ", counts.errors, " errors in ", batch.output);
}

}  // namespace

void report_limit(TimeLimit const& limit, Reporter& reporter) {
  std::chrono::duration<double> const left = limit.end - TimeLimit::Clock::now();
  reporter.info(concat(std::round(left.count()),
                       " s are left (",
                       limit.source,
                       "): all is closed ",
                       limit.margin.count(),
                       " s before"));
}

void report_input(RunInput const& input,
                  AnswerStore const& store,
                  BatchOptions const& batch,
                  Reporter& reporter) {
  io::InputIndex const& index = input.index();
  reporter.info(concat(index.num_requests(), " requests in ", batch.input));
  if (index.num_duplicates() > 0) {
    reporter.warn(
        concat(index.num_duplicates(), " requests repeat an earlier custom_id and get an error"));
  }
  if (store.start() == Start::resumed) {
    reporter.info(concat("resumed: ",
                         store.kept().size(),
                         " requests are done, ",
                         input.left().size(),
                         " are left, ",
                         input.saved().num_requests(),
                         " of these go on from saved tokens"));
  }
}

void report_output(AnswerCounts const& counts, BatchOptions const& batch, Reporter& reporter) {
  reporter.info(told_output(counts, batch));
}

void report_work(std::span<RankSummary const> summaries,
                 parallel::GridShape const& shape,
                 AnswerCounts const& counts,
                 BatchOptions const& batch,
                 Reporter& reporter) {
  reporter.info(format_summaries(summaries, shape));
  for (std::string const& line : name_stragglers(summaries, shape)) {
    reporter.warn(line);
  }
  std::string text = told_output(counts, batch);
  if (double const seconds = summaries.front().seconds; seconds > 0.0) {  // else it had no step
    text += concat(", ",
                   counts.output_tokens,
                   " tokens in ",
                   seconds,
                   " s: ",
                   static_cast<double>(counts.output_tokens) / seconds,
                   " tokens/s");
  }
  reporter.info(text);
}

void report_end(std::int64_t num_left, std::string const& reason, Reporter& reporter) {
  reporter.info(num_left == 0 ? std::string{"nothing is left to do"}
                              : concat("stopped: ",
                                       reason,
                                       "; ",
                                       num_left,
                                       " requests are left (run again with --resume)"));
}

void report_recordings(Engine const& engine, int rank, Reporter& reporter) {
  if (std::string const problem = engine.recording_problem(); !problem.empty()) {
    reporter.warn(concat("rank ",
                         rank,
                         ": steps were queued launch by launch, since they couldn't be recorded: ",
                         problem));
  }
}

}  // namespace talus::runtime
