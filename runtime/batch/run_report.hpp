// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "parallel/grid_shape.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/answer_counts.hpp"
#include "runtime/batch/answer_store.hpp"
#include "runtime/batch/rank_summary.hpp"
#include "runtime/batch/run_control.hpp"
#include "runtime/batch/run_input.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/engine/engine.hpp"

/// \file
/// What a run says to people, on rank 0 if nothing else is said.

namespace talus::runtime {

/// How much time there is.
void report_limit(TimeLimit const& limit, Reporter& reporter);

/// What there is to do, and what an earlier run has done of it.
void report_input(RunInput const& input,
                  AnswerStore const& store,
                  BatchOptions const& batch,
                  Reporter& reporter);

/// What is in the output.
///
/// \param counts  of all runs that wrote to it
void report_output(AnswerCounts const& counts, BatchOptions const& batch, Reporter& reporter);

/// What the ranks did, and what is in the output.
///
/// \param summaries  by rank
/// \param counts     of all runs that wrote to the output, and of the tokens of this one
void report_work(std::span<RankSummary const> summaries,
                 parallel::GridShape const& shape,
                 AnswerCounts const& counts,
                 BatchOptions const& batch,
                 Reporter& reporter);

/// How it ended.
///
/// \param num_left  requests without a line in the output; 0: all is done
/// \param reason    why it stopped
void report_end(std::int64_t num_left, std::string const& reason, Reporter& reporter);

/// Warns where a device was to record steps and couldn't, which makes a run slower, and nothing
/// else.
void report_recordings(Engine const& engine, int rank, Reporter& reporter);

}  // namespace talus::runtime
