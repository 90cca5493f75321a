// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/model_host.hpp"

#include <utility>

#include <malloc.h>

#include "parallel/agree.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/api/options.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/signals_blocked.hpp"
#include "runtime/batch/drain_observer.hpp"
#include "runtime/batch/model_load.hpp"

namespace talus::api {
namespace {

/// Kokkos can't be started a second time in a process, so that an engine never stops it; most never
/// need it.
kernels::KokkosUse kokkos_use(std::string const& backend) {
  bool const is_auto = backend.empty() || backend == "auto";
  kernels::Backend const chosen =
      is_auto ? kernels::available_backends().back() : kernels::backend_from(backend);
  return chosen == kernels::Backend::kokkos ? kernels::KokkosUse::process
                                            : kernels::KokkosUse::none;
}

/// Threads beside the calling one need MPI's word that there may be some, though none of them calls
/// MPI.
void check_threads(int num_threads) {
  if (num_threads > 1 && parallel::granted_thread_level() == parallel::ThreadLevel::single) {
    throw ConfigError{
        concat("MPI's thread level: MPI_THREAD_SINGLE (an engine of ",
               num_threads,
               " threads a rank needs MPI_THREAD_FUNNELED at least, since its threads "
               "compute while one calls MPI: use MPI_Init_thread, or the option "
               "threads = 1)")};
  }
}

std::unique_ptr<kernels::KernelSession> start_kernels(int threads,
                                                      kernels::CoreShare share,
                                                      std::string const& backend) {
  SignalsBlocked const blocked;  // a program's handlers never run on threads that it doesn't know
  auto session = std::make_unique<kernels::KernelSession>(threads, share, kokkos_use(backend));
  check_threads(session->num_threads());
  return session;
}

/// Calls something between two steps.
class BetweenSteps final : public runtime::StepObserver {
 public:
  explicit BetweenSteps(std::function<void()> const& call) : call_{&call} {}

  void on_step(runtime::StepPlan const& /*plan*/,
               runtime::Scheduler const& /*scheduler*/,
               runtime::Decoder& /*decoder*/) override {
    (*call_)();
  }

 private:
  std::function<void()> const* call_;
};

}  // namespace

ModelHost::ModelHost(parallel::Communicator const& ranks,
                     Options const& options,
                     kernels::CoreShare share,
                     parallel::CallLog* calls,
                     Reporter& reporter)
    : options_{model_options(options)} {
  options_.calls = calls;
  clock_.watch(calls);
  parallel::run_and_agree(ranks, [&] {
    if (options.model.empty()) {
      throw ConfigError{"model: missing (the directory of a checkpoint)"};
    }
    session_ = start_kernels(options_.threads, share, options_.backend);
  });
  options_.team = session_->team();
  plan_ = runtime::plan_model(ranks.native(), options_);
  grid_ = runtime::make_grid(ranks.native(), options_, plan_);
  runtime::report_plan(*grid_, plan_, options_, reporter);
  bool const is_root = grid_->world().rank() == 0;
  parallel::run_and_agree(grid_->world(), [&] {
    rules_ = runtime::make_rules(*grid_,
                                 plan_,
                                 options_,
                                 {options.served_model_name, options.reasoning_parser},
                                 is_root ? &reporter : nullptr);
    rules_.saves_tokens = true;
    if (grid_->is_lead()) {
      text_.emplace(options_.model, options.chat_template);
    }
  });
  runtime::add_end_of_tokenizer(*grid_, text_ ? &*text_ : nullptr, plan_, rules_);
  load(is_root ? &reporter : nullptr);
}

ModelHost::~ModelHost() = default;

void ModelHost::load(Reporter* reporter) {
  runtime::LoadedModel loaded = runtime::load_model(*grid_, plan_, options_);
  weights_ = std::move(loaded.weights);
  if (reporter != nullptr) {
    reporter->info(loaded.report);
  }
  traffic_ = std::make_unique<runtime::GridTraffic>(plan_.exec, *grid_, plan_.comm);
  engine_ = std::make_unique<runtime::Engine>(
      *traffic_, plan_.spec, weights_, plan_.limits, plan_.scheduler, clock_);
}

void ModelHost::open(parallel::Mailbox& mail, std::function<void()> poll) {
  if (grid_->is_lead()) {
    service_.emplace(rules_, *text_, *grid_, mail, std::move(poll), options_.calls);
  }
}

void ModelHost::run(std::function<void()> const& between_steps, runtime::Drain* drain) {
  std::function<void()> const nothing = [] {};
  BetweenSteps observer{service_ ? between_steps : nothing};
  if (drain == nullptr) {
    engine_->run(service(), service_ ? &observer : nullptr);
    return;
  }
  runtime::DrainObserver drained{observer, *drain};
  engine_->run(service(), &drained);
}

std::unique_ptr<runtime::Drain> ModelHost::make_drain(runtime::RunControl const& control) const {
  return std::make_unique<runtime::Drain>(
      *grid_,
      control,
      runtime::DrainOptions{.steps_in_flight = plan_.scheduler.steps_in_flight,
                            .max_num_batched_tokens = plan_.scheduler.max_num_batched_tokens,
                            .saves_tokens = false});
}

void ModelHost::release() {
  if (service_) {
    service_->suspend();
  }
  engine_.reset();
  traffic_.reset();
  weights_ = {};
#ifdef __GLIBC__
  malloc_trim(0);  // what was freed goes back to the system, and not only to this process
#endif
}

void ModelHost::restore() {
  load(nullptr);
}

}  // namespace talus::api
