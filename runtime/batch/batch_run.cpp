// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_run.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/job_phase.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/batch_client.hpp"
#include "runtime/batch/drain_observer.hpp"
#include "runtime/batch/early_stop.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/progress.hpp"
#include "runtime/batch/request_rules.hpp"
#include "runtime/batch/run_input.hpp"
#include "runtime/batch/run_output.hpp"
#include "runtime/batch/run_recorder.hpp"
#include "runtime/batch/run_report.hpp"
#include "runtime/batch/token_saver.hpp"
#include "runtime/batch/trace_observer.hpp"

namespace talus::runtime {
namespace {

bool is_rank_0(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank == 0;
}

/// One run, from its options to its last line; each step is collective.
class BatchRun {
 public:
  BatchRun(MPI_Comm comm,
           ModelOptions const& model,
           BatchOptions const& batch,
           RunRecord const& record,
           RunControl const& control,
           Reporter& reporter)
      : options_{model},
        batch_{batch},
        record_{&record},
        control_{&control},
        reporter_{&reporter},
        recorder_{options_, batch_, record},
        status_{is_rank_0(comm) ? batch.status : "", batch.output, reporter},
        early_stop_{control},
        output_{comm, batch_, model.calls, reporter},
        input_{batch_} {
    clock_.watch(model.calls);
    plan_ = plan_model(comm, model);
    grid_ = make_grid(comm, model, plan_);
    report_plan(*grid_, plan_, model, reporter);
    if (control.limit) {
      report_limit(*control.limit, reporter);
    }
  }

  void read_inputs() {
    parallel::run_and_agree(grid_->world(), [&] {
      rules_ = make_rules(*grid_,
                          plan_,
                          options_,
                          {batch_.served_model_name, batch_.reasoning_parser},
                          is_root() ? reporter_ : nullptr);
      rules_.saves_tokens = batch_.save_partial_every >= 0;
      if (grid_->is_lead()) {
        text_.emplace(options_.model, batch_.chat_template);
      }
      if (is_root()) {
        take_stock();
      }
    });
    input_.share(grid_->world());
    add_end_of_tokenizer(*grid_, text_ ? &*text_ : nullptr, plan_, rules_);
    if (is_root()) {
      output_.tell_warnings();
      report_input(input_, output_.store(), batch_, *reporter_);
    }
  }

  /// Whether an earlier run has done all there is.
  [[nodiscard]] bool is_done() const { return input_.is_done(); }

  /// Ends a run without a step: leaves the output as it is, but for what a crash left behind its
  /// last line.
  void finish(RunStage& stage) {
    output_.touch(*grid_, recorder_.identity());
    if (is_root()) {
      AnswerCounts const counts = output_.all_counts();
      status_.update({.requests = counts.done() + input_.left().size(),
                      .answers = counts.answers,
                      .errors = counts.errors});
      report_output(counts, batch_, *reporter_);
    }
    end(early_stop_.reason(), stage);
  }

  /// \return false if a rank was told to stop meanwhile, or there is no time left
  [[nodiscard]] bool load() {
    status_.enter("loading");
    try {
      LoadedModel loaded = load_model(*grid_, plan_, options_, [&] { early_stop_.check(); });
      weights_ = std::move(loaded.weights);
      if (is_root()) {
        reporter_->info(loaded.report);
      }
    } catch (ConfigError const&) {
      if (!early_stop_.is_asked_for(grid_->world())) {
        throw;
      }
      return false;
    }
    return !early_stop_.is_asked_for(grid_->world());
  }

  void work(RunStage& stage) {
    GridTraffic traffic{plan_.exec, *grid_, plan_.comm};
    recorder_.note("device", plan_.card.text);
    note("traffic", traffic.description());
    TraceObserver trace{*grid_, plan_, clock_};
    if (!batch_.trace.empty()) {
      trace.open(batch_.trace, {record_->options, recorder_.versions(), options_.model});
    }
    Engine engine{traffic, plan_.spec, weights_, plan_.limits, plan_.scheduler, clock_};
    note("expert traffic", engine.expert_traffic());
    open_output();
    Drain drain{*grid_,
                *control_,
                {.steps_in_flight = plan_.scheduler.steps_in_flight,
                 .max_num_batched_tokens = plan_.scheduler.max_num_batched_tokens,
                 .saves_tokens = rules_.saves_tokens}};
    stage = RunStage::working;
    status_.enter("running");
    static_cast<void>(clock_.take());  // what was before the first step is not its time
    parallel::begin_phase(parallel::JobPhase::work);
    run_engine(engine, trace, drain);
    parallel::begin_phase(parallel::JobPhase::end);
    trace.close();
    report_recordings(engine, grid_->world().rank(), *reporter_);
    report(trace);
    end(drain.reason(), stage);
  }

 private:
  /// Keeps, and tells, what the run chose for its devices, if anything.
  void note(std::string const& what, std::string const& text) {
    recorder_.note(what, text);
    if (is_root() && !text.empty()) {
      reporter_->info(concat(what, ": ", text));
    }
  }

  /// On rank 0: what there is to do, and whether this run may go on from an earlier one.
  void take_stock() {
    AnswerStore& store = output_.store();
    store.lock();
    input_.read(options_.calls);
    recorder_.identify(plan_, rules_, input_.file());
    store.compare(recorder_.identity());
    input_.go_on_from(store);
  }

  void open_output() {
    output_.open(*grid_, recorder_.identity());
    if (grid_->is_lead()) {
      queue_.emplace(grid_->leads());
    }
  }

  void run_engine(Engine& engine, TraceObserver& trace, Drain& drain) {
    if (!grid_->is_lead()) {
      DrainObserver observer{trace, drain};
      engine.run(nullptr, &observer);
      drain.close([] {});
      return;
    }
    AnswerSink& sink = output_.sink();
    BatchClient client{
        rules_,
        *text_,
        {io::RequestReader{input_.file(), input_.index()}, input_.left(), input_.saved()},
        *queue_,
        sink,
        drain,
        &trace};
    Progress progress{trace,
                      {.sink = sink,
                       .drain = drain,
                       .reporter = is_root() ? reporter_ : nullptr,
                       .status = &status_,
                       .kept = is_root() ? output_.store().kept_counts() : AnswerCounts{},
                       .num_left = input_.left().size(),
                       .num_blocks = plan_.budget.num_blocks}};
    TokenSaver saver{progress, client, batch_.save_partial_every};
    DrainObserver observer{saver, drain};
    engine.run(&client, &observer);
    if (rules_.saves_tokens) {
      client.save_unfinished();
    }
    drain.close([&] { progress.on_idle(); });
    sink.close();
    progress.on_end();
  }

  /// The run's last words.
  ///
  /// \param reason  why it stopped, if it did
  void end(std::string const& reason, RunStage& stage) {
    std::int64_t num_left = input_.left().size() - output_.counts().done();  // rank 0's
    parallel::broadcast(grid_->world(), std::span{&num_left, 1}, 0);
    stage = num_left > 0 ? RunStage::stopped : RunStage::done;
    if (!is_root()) {
      return;
    }
    status_.enter(num_left > 0 ? "stopped" : "done", num_left > 0 ? reason : "");
    report_end(num_left, reason, *reporter_);
    if (output_.store().has_ledger()) {  // else it is a pipe or a device
      recorder_.leave_manifest(
          {num_left > 0 ? "stopped" : "done", output_.all_counts(), grid_->shape()},
          input_.file(),
          *reporter_);
    }
  }

  [[nodiscard]] bool is_root() const { return grid_->world().rank() == 0; }

  void report(TraceObserver const& trace) {
    std::vector<RankSummary> const summaries = gather_summaries(*grid_, trace.summary());
    if (std::string const trouble = trace.trouble(); !trouble.empty()) {
      reporter_->warn(trouble);
    }
    if (is_root()) {
      report_work(summaries, plan_.shape, output_.all_counts(), batch_, *reporter_);
    }
  }

  ModelOptions options_;
  BatchOptions batch_;
  RunRecord const* record_;
  RunControl const* control_;
  Reporter* reporter_;
  RunRecorder recorder_;
  StatusFile status_;
  EarlyStop early_stop_;
  ModelPlan plan_;
  std::unique_ptr<parallel::ProcessGrid> grid_;
  RunOutput output_;
  BatchRules rules_;
  std::optional<TextModel> text_;
  RunInput input_;
  ModelWeights weights_;
  StepClock clock_;
  std::optional<parallel::WorkQueue> queue_;
};

}  // namespace

void run_batch(MPI_Comm comm,
               ModelOptions const& model,
               BatchOptions const& batch,
               RunRecord const& record,
               RunControl const& control,
               Reporter& reporter,
               RunStage& stage) {
  stage = RunStage::setting_up;
  BatchRun run{comm, model, batch, record, control, reporter};
  if (batch.dry_run) {
    stage = RunStage::done;
    return;
  }
  run.read_inputs();
  if (run.is_done() || !run.load()) {
    run.finish(stage);
  } else {
    run.work(stage);
  }
}

}  // namespace talus::runtime
