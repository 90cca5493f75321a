// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/requests/answers_hash.hpp"
#include "io/requests/spooled_input.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/placement.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/answer_store.hpp"
#include "runtime/batch/batch_client.hpp"
#include "runtime/batch/drain_observer.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/progress.hpp"
#include "runtime/batch/request_rules.hpp"
#include "runtime/batch/run_identity.hpp"
#include "runtime/batch/run_manifest.hpp"
#include "runtime/batch/stragglers.hpp"
#include "runtime/batch/token_saver.hpp"
#include "runtime/batch/trace_observer.hpp"

namespace talus::runtime {
namespace {

constexpr int standard_input = 0;

std::string version_of(RunRecord const& record) {
  for (auto const& [name, value] : record.versions) {
    if (name == "talus") {
      return value;
    }
  }
  return {};
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
        status_{is_rank_0(comm) ? batch.status : "", batch.output, reporter} {
    {
      parallel::Communicator const world = parallel::Communicator::duplicate(comm, model.calls);
      parallel::run_and_agree(world, [&] {
        if (world.rank() == 0 && !batch.dry_run) {
          store_.emplace(batch, choose_start(batch), model.calls);
        }
      });
    }
    clock_.watch(model.calls);
    plan_ = plan_model(comm, model);
    grid_ = make_grid(comm, model, plan_);
    report_plan(*grid_, plan_, model, reporter);
    tell_of_limit();
  }

  void read_inputs() {
    Stock stock;
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
        stock = take_stock();
      }
    });
    parallel::broadcast_bytes(grid_->world(), stock.index, 0);
    parallel::broadcast_bytes(grid_->world(), stock.left, 0);
    parallel::broadcast_bytes(grid_->world(), stock.saved, 0);
    index_ = io::InputIndex::from_bytes(stock.index);
    left_ = io::WorkLeft::from_bytes(stock.left);
    saved_ = io::SavedIndex::from_bytes(io::ledger_of(batch_.output), stock.saved);
    add_end_of_tokenizer(*grid_, text_ ? &*text_ : nullptr, plan_, rules_);
    if (is_root()) {
      reporter_->info(concat(index_.num_requests(), " requests in ", batch_.input));
      if (index_.num_duplicates() > 0) {
        reporter_->warn(concat(index_.num_duplicates(),
                               " requests repeat an earlier custom_id and get an error"));
      }
      tell_of_resumption();
    }
  }

  /// Whether an earlier run has done all there is.
  [[nodiscard]] bool is_done() const { return left_.size() == 0 && index_.num_requests() > 0; }

  /// Ends a run without a step: leaves the output as it is, but for what a crash left behind its
  /// last line.
  void finish(RunStage& stage) {
    parallel::run_and_agree(grid_->world(), [&] {
      if (is_root()) {
        store_->open(identity_);
        warn_of_store();
        store_->close();
      }
    });
    if (is_root()) {
      AnswerCounts const kept = kept_counts();
      status_.update(
          {.requests = kept.done() + left_.size(), .answers = kept.answers, .errors = kept.errors});
      reporter_->info(concat(told_total({}), " in ", batch_.output));
    }
    end(left_.size(), stop_reason_, stage);
  }

  /// \return false if a rank was told to stop meanwhile, or there is no time left
  [[nodiscard]] bool load() {
    status_.enter("loading");
    try {
      LoadedModel loaded = load_model(*grid_, plan_, options_, [&] { check_for_stop(); });
      weights_ = std::move(loaded.weights);
      if (is_root()) {
        reporter_->info(loaded.report);
      }
    } catch (ConfigError const&) {
      if (!is_any_told_to_stop()) {
        throw;
      }
      return false;
    }
    return !is_any_told_to_stop();
  }

  void work(RunStage& stage) {
    TraceObserver trace{*grid_, plan_, clock_};
    if (!batch_.trace.empty()) {
      trace.open(batch_.trace, {record_->options, record_->versions, options_.model});
    }
    Engine engine{plan_.exec, plan_.spec, *grid_, weights_, plan_.limits, plan_.scheduler, clock_};
    open_answers();
    Drain drain{*grid_,
                *control_,
                {.closing_s = batch_.time_margin,
                 .steps_in_flight = plan_.scheduler.steps_in_flight,
                 .max_num_batched_tokens = plan_.scheduler.max_num_batched_tokens,
                 .saves_tokens = rules_.saves_tokens}};
    stage = RunStage::working;
    status_.enter("running");
    static_cast<void>(clock_.take());  // what was before the first step is not its time
    run_engine(engine, trace, drain);
    trace.close();
    report(trace);
    end(left_.size() - (sink_ ? sink_->counts().done() : 0), drain.reason(), stage);
  }

 private:
  /// What there is to do, as bytes that all ranks get.
  struct Stock {
    std::vector<std::byte> index;
    std::vector<std::byte> left;
    std::vector<std::byte> saved;
  };

  /// On rank 0: reads the input, and what an earlier run has done of it.
  [[nodiscard]] Stock take_stock() {
    store_->lock();
    io::InputIndex const index = index_input();
    identity_ = run_identity(options_, batch_, plan_, rules_, input_file(), version_of(*record_));
    check_expected();
    store_->compare(identity_);
    return {.index = index.to_bytes(),
            .left = store_->work_left(index.num_requests()).to_bytes(),
            .saved = store_->saved().to_bytes()};
  }

  /// \throws ConfigError  if this isn't the run that is to be repeated
  void check_expected() const {
    std::string const difference =
        record_->expected.empty()
            ? std::string{}
            : io::describe_difference(identity_, record_->expected, "the manifest");
    if (!difference.empty()) {
      throw ConfigError{concat("not the same run: ",
                               difference,
                               " (may be others: the grid, batch sizes, memory, threads, and where "
                               "output and trace go)")};
    }
  }

  [[nodiscard]] static bool is_rank_0(MPI_Comm comm) {
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    return rank == 0;
  }

  /// Why this rank should stop before there is an engine; empty: it need not.
  [[nodiscard]] std::string reason_to_stop() const {
    if (std::string_view const told = control_->told_to_stop(); !told.empty()) {
      return std::string{told};
    }
    std::chrono::duration<double> const margin{batch_.time_margin};
    bool const is_late =
        control_->end && std::chrono::steady_clock::now() + margin >= *control_->end;
    return is_late ? "the time limit" : "";
  }

  /// \throws Error  if this rank should stop
  void check_for_stop() const {
    if (std::string const reason = reason_to_stop(); !reason.empty()) {
      throw Error{concat("stopped: ", reason)};
    }
  }

  void tell_of_limit() const {
    if (control_->end) {
      std::chrono::duration<double> const left = *control_->end - std::chrono::steady_clock::now();
      reporter_->info(concat(std::round(left.count()),
                             " s are left (",
                             control_->end_source,
                             "): all is closed ",
                             batch_.time_margin,
                             " s before"));
    }
  }

  [[nodiscard]] bool is_any_told_to_stop() {
    stop_reason_ = reason_to_stop();
    bool const is_told =
        parallel::all_reduce(
            grid_->world(), stop_reason_.empty() ? 0 : 1, parallel::ReduceOp::max) == 1;
    if (is_told && stop_reason_.empty()) {
      stop_reason_ = Drain::told_elsewhere;
    }
    return is_told;
  }

  /// The run's last words.
  ///
  /// \param num_left  requests without a line in the output, of rank 0
  /// \param reason    why it stopped, if it did
  void end(std::int64_t num_left, std::string const& reason, RunStage& stage) {
    parallel::broadcast(grid_->world(), std::span{&num_left, 1}, 0);
    stage = num_left > 0 ? RunStage::stopped : RunStage::done;
    if (is_root()) {
      status_.enter(num_left > 0 ? "stopped" : "done", num_left > 0 ? reason : "");
      reporter_->info(num_left > 0 ? concat("stopped: ",
                                            reason,
                                            "; ",
                                            num_left,
                                            " requests are left (run again with --resume)")
                                   : std::string{"nothing is left to do"});
      leave_manifest(num_left > 0 ? "stopped" : "done");
    }
  }

  /// Beside the output; what can't be written costs a warning.
  void leave_manifest(std::string const& state) {
    if (!store_->has_ledger()) {
      return;  // a pipe or a device
    }
    try {
      AnswerCounts const kept = kept_counts();
      AnswerCounts const counts = sink_ ? sink_->counts() : AnswerCounts{};
      std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - start_;
      // It reads all of the output, for which a run that must stop in time has none; nor can such a
      // run be repeated.
      std::string const hash_of_answers =
          state == "done" ? io::combine(io::hash_answers(batch_.output)) : std::string{};
      std::chrono::duration<double> const now = std::chrono::system_clock::now().time_since_epoch();
      write_manifest(manifest_of(batch_.output),
                     {.state = state,
                      .model = std::filesystem::absolute(options_.model),
                      .input = std::filesystem::absolute(input_file()),
                      .output = std::filesystem::absolute(batch_.output),
                      .answers = hash_of_answers,
                      .num_answers = kept.answers + counts.answers,
                      .num_errors = kept.errors + counts.errors,
                      .identity = identity_,
                      .options = record_->options,
                      .versions = record_->versions,
                      .grid = grid_->shape(),
                      .host = parallel::host_name(),
                      .started_at = (now - elapsed).count(),
                      .elapsed_s = elapsed.count(),
                      .output_tokens = counts.output_tokens});
    } catch (ConfigError const& error) {
      reporter_->warn(concat("no record of the run: ", error.what()));
    }
  }

  [[nodiscard]] bool is_root() const { return grid_->world().rank() == 0; }

  void warn_of_store() {
    for (std::string const& warning : store_->take_warnings()) {
      reporter_->warn(warning);
    }
  }

  void tell_of_resumption() {
    warn_of_store();
    if (store_->start() == Start::resumed) {
      reporter_->info(concat("resumed: ",
                             store_->kept().size(),
                             " requests are done, ",
                             left_.size(),
                             " are left, ",
                             saved_.num_requests(),
                             " of these go on from saved tokens"));
    }
  }

  /// Lines of earlier runs.
  [[nodiscard]] AnswerCounts kept_counts() const {
    auto const kept = store_->kept();
    auto const errors =
        std::count_if(kept.begin(), kept.end(), [](auto const& line) { return line.is_error; });
    return {.answers = std::ssize(kept) - errors, .errors = errors};
  }

  /// Lines in the output, with those of earlier runs.
  [[nodiscard]] std::string told_total(AnswerCounts const& counts) const {
    AnswerCounts const kept = kept_counts();
    return concat(
        counts.answers + kept.answers, " answers and ", counts.errors + kept.errors, " errors");
  }

  [[nodiscard]] io::InputIndex index_input() {
    if (batch_.input == "-") {
      // A run that was killed has left its file behind.
      parallel::PatienceScope const may_take_long{options_.calls};
      bool const may_be_there = batch_.overwrite || batch_.resume != "never";
      spool_ = std::make_unique<io::SpooledInput>(
          standard_input,
          batch_.output,
          may_be_there ? io::Existing::overwrite : io::Existing::refuse);
    }
    return io::index_input(input_file());
  }

  [[nodiscard]] std::filesystem::path input_file() const {
    return batch_.input == "-" ? std::filesystem::path{batch_.output + ".input"}
                               : std::filesystem::path{batch_.input};
  }

  void open_answers() {
    parallel::run_and_agree(grid_->world(), [&] {
      if (is_root()) {
        store_->open(identity_);
        warn_of_store();
      }
    });
    if (grid_->is_lead()) {
      queue_.emplace(grid_->leads());
      sink_ = std::make_unique<AnswerSink>(grid_->leads(), is_root() ? &*store_ : nullptr);
    }
  }

  void run_engine(Engine& engine, TraceObserver& trace, Drain& drain) {
    if (!grid_->is_lead()) {
      DrainObserver observer{trace, drain};
      engine.run(nullptr, &observer);
      drain.close([] {});
      return;
    }
    BatchClient client{rules_,
                       *text_,
                       {io::RequestReader{input_file(), index_}, left_, saved_},
                       *queue_,
                       *sink_,
                       drain,
                       &trace};
    Progress progress{trace,
                      {.sink = *sink_,
                       .drain = drain,
                       .reporter = is_root() ? reporter_ : nullptr,
                       .status = &status_,
                       .kept = is_root() ? kept_counts() : AnswerCounts{},
                       .num_left = left_.size(),
                       .num_blocks = plan_.budget.num_blocks}};
    TokenSaver saver{progress, client, batch_.save_partial_every};
    DrainObserver observer{saver, drain};
    engine.run(&client, &observer);
    if (rules_.saves_tokens) {
      client.save_unfinished();
    }
    drain.close([&] { progress.on_idle(); });
    sink_->close();
    progress.on_end();
  }

  void report(TraceObserver const& trace) {
    std::vector<RankSummary> const summaries = gather_summaries(*grid_, trace.summary());
    if (std::string const trouble = trace.trouble(); !trouble.empty()) {
      reporter_->warn(trouble);
    }
    if (!is_root()) {
      return;
    }
    AnswerCounts const& counts = sink_->counts();
    double const seconds = summaries.front().seconds;
    reporter_->info(format_summaries(summaries, plan_.shape));
    for (std::string const& line : name_stragglers(summaries, plan_.shape)) {
      reporter_->warn(line);
    }
    reporter_->info(concat(told_total(counts),
                           " in ",
                           batch_.output,
                           ", ",
                           counts.output_tokens,
                           " tokens in ",
                           seconds,
                           " s: ",
                           static_cast<double>(counts.output_tokens) / seconds,
                           " tokens/s"));
  }

  ModelOptions options_;
  BatchOptions batch_;
  RunRecord const* record_;
  RunControl const* control_;
  Reporter* reporter_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  StatusFile status_;
  std::string stop_reason_;  ///< of a run that has no engine yet
  ModelPlan plan_;
  std::unique_ptr<parallel::ProcessGrid> grid_;
  std::optional<AnswerStore> store_;  ///< on rank 0, unless it is a dry run
  BatchRules rules_;
  std::optional<TextModel> text_;
  io::InputIndex index_;
  io::Identity identity_;  ///< on rank 0
  io::WorkLeft left_;
  io::SavedIndex saved_;
  std::unique_ptr<io::SpooledInput> spool_;
  ModelWeights weights_;
  StepClock clock_;
  std::optional<parallel::WorkQueue> queue_;
  std::unique_ptr<AnswerSink> sink_;
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
