// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_run.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "io/requests/spooled_input.hpp"
#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/batch/batch_client.hpp"
#include "runtime/batch/model_load.hpp"
#include "runtime/batch/progress.hpp"
#include "runtime/batch/trace_observer.hpp"

namespace talus::runtime {
namespace {

constexpr int standard_input = 0;

/// One run, from its options to its last line; each step is collective.
class BatchRun {
 public:
  BatchRun(MPI_Comm comm, ModelOptions const& model, BatchOptions const& batch, Reporter& reporter)
      : options_{model}, batch_{batch}, reporter_{&reporter} {
    {
      parallel::Communicator const world = parallel::Communicator::duplicate(comm);
      parallel::run_and_agree(world, [&] {
        if (world.rank() == 0 && !batch.dry_run) {
          io::check_answer_file(batch.output, batch.input, existing());
        }
      });
    }
    plan_ = plan_model(comm, model);
    grid_ = make_grid(comm, model, plan_);
    report_plan(*grid_, plan_, model, reporter);
  }

  void read_inputs() {
    std::vector<std::byte> bytes;
    parallel::run_and_agree(grid_->world(), [&] {
      rules_ = make_rules();
      if (grid_->is_lead()) {
        text_.emplace(options_.model, batch_.chat_template);
      }
      if (is_root()) {
        bytes = index_input();
      }
    });
    parallel::broadcast_bytes(grid_->world(), bytes, 0);
    index_ = io::InputIndex::from_bytes(bytes);
    add_end_of_tokenizer();
    if (is_root()) {
      reporter_->info(concat(index_.num_requests(), " requests in ", batch_.input));
      if (index_.num_duplicates() > 0) {
        reporter_->warn(concat(index_.num_duplicates(),
                               " requests repeat an earlier custom_id and get an error"));
      }
    }
  }

  void load() {
    LoadedModel loaded = load_model(*grid_, plan_, options_);
    weights_ = std::move(loaded.weights);
    if (is_root()) {
      reporter_->info(loaded.report);
    }
  }

  AnswerCounts work(RunRecord const& record, RunStage& stage) {
    TraceObserver trace{*grid_, plan_, clock_};
    if (!batch_.trace.empty()) {
      trace.open(batch_.trace, {record.options, record.versions, options_.model});
    }
    Engine engine{plan_.exec, plan_.spec, *grid_, weights_, plan_.limits, plan_.scheduler, clock_};
    open_answers();
    stage = RunStage::working;
    static_cast<void>(clock_.take());  // what was before the first step is not its time
    run_engine(engine, trace);
    trace.close();
    report(trace);
    stage = RunStage::done;
    return sink_ ? sink_->counts() : AnswerCounts{};
  }

 private:
  /// The token that the tokenizer names as the end of a text ends answers too, beside those of the
  /// configs: so vLLM does it.
  void add_end_of_tokenizer() {
    std::int32_t end = -1;
    if (is_root()) {
      auto const name = text_->tokenizer().eos_token();
      end = name ? text_->tokenizer().token_id(*name).value_or(end) : end;
    }
    parallel::broadcast(grid_->world(), std::span{&end, 1}, 0);
    std::vector<std::int32_t>& ends = plan_.spec.eos_tokens;
    bool const is_new = std::find(ends.begin(), ends.end(), end) == ends.end();
    if (is_new && end >= 0 && end < plan_.spec.vocab) {
      ends.push_back(end);
    }
    rules_.eos_tokens = ends;
  }

  [[nodiscard]] bool is_root() const { return grid_->world().rank() == 0; }

  [[nodiscard]] io::Existing existing() const {
    return batch_.overwrite ? io::Existing::overwrite : io::Existing::refuse;
  }

  [[nodiscard]] BatchRules make_rules() {
    io::GenerationDefaults const defaults = io::read_generation_defaults(options_.model);
    if (is_root()) {
      reporter_->info(io::describe(defaults));
      for (std::string const& warning : defaults.warnings) {
        reporter_->warn(warning);
      }
    }
    std::filesystem::path const dir = std::filesystem::path{options_.model}.lexically_normal();
    std::string const name =
        dir.has_filename() ? dir.filename().string() : dir.parent_path().filename().string();
    BatchRules rules;
    rules.max_model_len = plan_.max_model_len;
    rules.vocab = plan_.spec.vocab;
    rules.seed = options_.seed;
    rules.defaults = defaults.defaults;
    rules.reasoning = batch_.reasoning_parser.empty()
                          ? io::ReasoningParser::none
                          : io::reasoning_parser(batch_.reasoning_parser);
    auto const now = std::chrono::system_clock::now().time_since_epoch();
    rules.labels = {.run_id = std::to_string(now.count()),
                    .model = batch_.served_model_name.empty() ? name : batch_.served_model_name};
    rules.num_replicas = grid_->shape().dp;
    rules.replica = grid_->here().dp;
    return rules;
  }

  [[nodiscard]] std::vector<std::byte> index_input() {
    if (batch_.input == "-") {
      spool_ = std::make_unique<io::SpooledInput>(standard_input, batch_.output, existing());
    }
    return io::index_input(input_file()).to_bytes();
  }

  [[nodiscard]] std::filesystem::path input_file() const {
    return batch_.input == "-" ? std::filesystem::path{batch_.output + ".input"}
                               : std::filesystem::path{batch_.input};
  }

  void open_answers() {
    std::unique_ptr<io::AnswerFile> file;
    parallel::run_and_agree(grid_->world(), [&] {
      if (is_root()) {
        file = std::make_unique<io::AnswerFile>(
            batch_.output, batch_.input == "-" ? std::string{} : batch_.input, existing());
      }
    });
    if (grid_->is_lead()) {
      queue_.emplace(grid_->leads());
      sink_ = std::make_unique<AnswerSink>(grid_->leads(), std::move(file));
    }
  }

  void run_engine(Engine& engine, TraceObserver& trace) {
    if (!grid_->is_lead()) {
      engine.run(nullptr, &trace);
      return;
    }
    BatchClient client{
        rules_, *text_, io::RequestReader{input_file(), index_}, *queue_, *sink_, &trace};
    Silence silence;
    Progress progress{trace,
                      *sink_,
                      is_root() ? *reporter_ : silence,
                      index_.num_requests(),
                      plan_.budget.num_blocks};
    engine.run(&client, &progress);
    sink_->close();
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
    reporter_->info(concat(counts.answers,
                           " answers and ",
                           counts.errors,
                           " errors in ",
                           batch_.output,
                           ", ",
                           counts.output_tokens,
                           " tokens in ",
                           seconds,
                           " s: ",
                           static_cast<double>(counts.output_tokens) / seconds,
                           " tokens/s"));
  }

  /// For ranks that have nobody to talk to.
  class Silence final : public Reporter {
   public:
    void info(std::string_view /*line*/) override {}

    void warn(std::string_view /*line*/) override {}

    void progress(std::string_view /*line*/) override {}
  };

  ModelOptions options_;
  BatchOptions batch_;
  Reporter* reporter_;
  ModelPlan plan_;
  std::unique_ptr<parallel::ProcessGrid> grid_;
  BatchRules rules_;
  std::optional<TextModel> text_;
  io::InputIndex index_;
  std::unique_ptr<io::SpooledInput> spool_;
  ModelWeights weights_;
  StepClock clock_;
  std::optional<parallel::WorkQueue> queue_;
  std::unique_ptr<AnswerSink> sink_;
};

}  // namespace

AnswerCounts run_batch(MPI_Comm comm,
                       ModelOptions const& model,
                       BatchOptions const& batch,
                       RunRecord const& record,
                       Reporter& reporter,
                       RunStage& stage) {
  stage = RunStage::setting_up;
  BatchRun run{comm, model, batch, reporter};
  if (batch.dry_run) {
    stage = RunStage::done;
    return {};
  }
  run.read_inputs();
  run.load();
  return run.work(record, stage);
}

}  // namespace talus::runtime
