// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::jobs {

/// The one list of what the program does about a model's ranks, which the library doesn't.
template <class Options, class Visitor>
void visit_watch_options(Options& o, Visitor&& visit) {
  visit("--hang-timeout",
        o.hang_timeout,
        "Seconds until a job ends whose ranks wait for one that does not come; 0 or none: never");
}

/// The one list of what shapes prompts and answers, beside the model's options.
template <class Options, class Visitor>
void visit_answer_options(Options& o, Visitor&& visit) {
  visit("--served-model-name", o.served_model_name, "The model's name in the answers");
  visit(
      "--chat-template", o.chat_template, "File of a chat template to use instead of the model's");
  visit("--reasoning-parser",
        o.reasoning_parser,
        "Move the reasoning to reasoning_content: deepseek_r1, qwen3, openai_gptoss, ...");
}

/// The one list of what ends a program in time, beside signals.
template <class Options, class Visitor>
void visit_limit_options(Options& o, Visitor&& visit) {
  visit(
      "--time-limit",
      o.time_limit,
      "Until the job is killed: auto (as Slurm, PBS or Flux says), none, or HH:MM:SS from now on; "
      "stops before, with exit code 75");
  visit("--time-margin", o.time_margin, "Seconds before the time limit by which all is closed");
}

/// The one list of a batch run's own options.
template <class Options, class Visitor>
void visit_batch_options(Options& o, Visitor&& visit) {
  visit("--input-file,-i", o.input, "Requests, OpenAI batch JSONL; - is standard input");
  visit("--output-file,-o", o.output, "Answers, one line a request, as it finishes");
  visit("--overwrite", o.overwrite, "Replace an output that exists");
  visit("--resume",
        o.resume,
        "Go on from the ledger beside the output: require (also without a value), auto (start "
        "afresh where there is none), never (without --resume)");
  visit("--save-partial-every",
        o.save_partial_every,
        "Seconds between saves of unfinished answers' tokens to the ledger; 0: each step, -1: "
        "never");
  visit("--sync", o.sync, "Force answers and ledger to the disk: none, each (answer), close");
  visit_answer_options(o, visit);
  visit("--trace", o.trace, "Folder for the HDF5 trace of every rank");
  visit_limit_options(o, visit);
  visit("--status", o.status, "JSON file that says how far the run is, replaced as it goes on");
  visit("--dry-run", o.dry_run, "Show grid, placement and memory, and stop before the weights");
  visit("--require-all-nodes",
        o.require_all_nodes,
        "Refuse to run where nodes of the allocation have no rank, instead of a warning");
}

}  // namespace talus::jobs
