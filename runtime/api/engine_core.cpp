// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/engine_core.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/progress.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"
#include "runtime/batch/core_share.hpp"

namespace talus::api {
namespace {

/// Passes lines on to the program.
class LogReporter final : public Reporter {
 public:
  LogReporter(Options const& options, int rank) : log_{rank == 0 ? options.log : nullptr} {}

  void info(std::string_view line) override { tell(LogLevel::info, line); }

  void warn(std::string_view line) override { tell(LogLevel::warning, line); }

  void progress(std::string_view /*line*/) override {}

 private:
  void tell(LogLevel level, std::string_view line) {
    if (log_) {
      log_(level, line);
    }
  }

  std::function<void(LogLevel, std::string_view)> log_;
};

}  // namespace

EngineCore::EngineCore(MPI_Comm comm, Options const& options, Oversight const& oversight)
    : base_{parallel::Communicator::of_group(checked_comm(comm))} {
  Hello const hello = exchange_hello(base_, options.role);
  try {
    open(options, hello, oversight);
  } catch (Error const& error) {
    if (options.log && base_.rank() == hello.speaker) {
      options.log(LogLevel::error, without_place(error.what()));
    }
    throw;
  }
}

void EngineCore::open(Options const& options, Hello const& hello, Oversight const& oversight) {
  check_protocol(hello);
  roles_ = choose_roles(base_, options);
  peers_.emplace(base_.split(roles_.is_engine ? 0 : 1, base_.rank()));
  if (roles_.is_engine && oversight) {
    calls_ = oversight(*peers_);
    peers_.emplace(parallel::Communicator::duplicate(peers_->native(), calls_, "engine"));
  }
  {
    parallel::PatienceScope const patience{calls_};  // nobody watches over the clients
    mail_.emplace(base_);
  }
  std::exception_ptr failure;
  try {
    set_up(options);
  } catch (ConfigError const&) {
    failure = std::current_exception();  // the same on all of the engine's ranks
  }
  parallel::PatienceScope const patience{calls_};
  parallel::agree_or_throw(base_, failure);
  tell_leads();
  requests_.emplace(base_.rank(), static_cast<int>(leads_.size()), options.max_in_flight);
}

EngineCore::~EngineCore() = default;

void EngineCore::set_up(Options const& options) {
  kernels::CoreShare const share = [&] {
    parallel::PatienceScope const patience{calls_};
    return runtime::core_share(base_);
  }();
  if (!roles_.is_engine) {
    return;
  }
  LogReporter reporter{options, peers_->rank()};
  host_ = std::make_unique<ModelHost>(*peers_, options, share, calls_, reporter);
  host_->open(*mail_, [this] { poll(); });
}

/// All ranks get to know the first rank of each replica.
void EngineCore::tell_leads() {
  int const root = static_cast<int>(
      std::find(roles_.is_engine_rank.begin(), roles_.is_engine_rank.end(), char{1}) -
      roles_.is_engine_rank.begin());
  if (roles_.is_engine && host_->grid().is_lead()) {
    std::int32_t const mine = base_.rank();
    leads_.resize(static_cast<std::size_t>(host_->grid().shape().dp));
    parallel::all_gather(host_->grid().leads(), std::span{&mine, 1}, std::span{leads_});
  }
  auto count = static_cast<std::int32_t>(leads_.size());
  parallel::broadcast(base_, std::span{&count, 1}, root);
  leads_.resize(static_cast<std::size_t>(count));
  parallel::broadcast(base_, std::span{leads_}, root);
}

void EngineCore::take(int sender, std::vector<std::byte>&& message) {
  if (kind_of(message) == Message::answer) {
    requests_->receive(std::move(message));
    return;
  }
  num_received_ += roles_.is_engine_rank[static_cast<std::size_t>(sender)];
  host_->service()->receive(sender, decode_request(message));
}

void EngineCore::poll() {
  mail_->drain(
      [this](int sender, std::vector<std::byte>&& message) { take(sender, std::move(message)); });
  static_cast<void>(mail_->progress());
}

void EngineCore::check_works() {
  if (is_closing_ || is_closed_) {
    throw EngineError{ErrorCode::state, "the engine is closed (nothing can be asked of it)"};
  }
}

std::optional<RequestId> EngineCore::submit(std::function<std::string(RequestId)> const& line_of) {
  check_works();
  poll();
  std::optional<Sent> const sent = requests_->admit();
  if (!sent) {
    return std::nullopt;
  }
  mail_->send(leads_[static_cast<std::size_t>(sent->replica)],
              encode(RequestMessage{.number = sent->number, .line = line_of(sent->number)}));
  return sent->number;
}

bool EngineCore::are_here(std::span<RequestId const> requests) const {
  return std::none_of(requests.begin(), requests.end(), [&](RequestId request) {
    return requests_->whereabouts(request).has_value();
  });
}

void EngineCore::wait(std::span<RequestId const> requests) {
  check_works();
  static_cast<void>(are_here(requests));  // refuses unknown ones before anything is waited for
  if (roles_.is_engine) {
    drive(Until::awaited, 0, requests);
    return;
  }
  parallel::Backoff backoff;
  for (poll(); !are_here(requests); poll()) {
    backoff.pause();
  }
}

void EngineCore::wait_any() {
  check_works();
  constexpr double slice_ms = 20;
  auto const is_served = [&] { return requests_->has_next() || requests_->num_open() == 0; };
  poll();
  if (roles_.is_engine) {
    while (!parallel::all_agree(*peers_, is_served())) {
      drive(Until::time, slice_ms, {});
      poll();
    }
    return;
  }
  parallel::Backoff backoff;
  for (; !is_served(); poll()) {
    backoff.pause();
  }
}

void EngineCore::step_for(double milliseconds) {
  check_works();
  if (roles_.is_engine) {
    drive(Until::time, milliseconds, {});
  }
  poll();
}

std::string EngineCore::serve(runtime::RunControl const* control) {
  check_works();
  if (!roles_.is_engine) {
    throw EngineError{ErrorCode::state,
                      "serve: on a client's rank (only the engine's ranks serve)"};
  }
  begin_closing();
  runtime::RunControl const nothing;
  bool const may_stop = !parallel::all_agree(*peers_, control == nullptr);
  auto const drain =
      may_stop ? host_->make_drain(control != nullptr ? *control : nothing) : nullptr;
  drive(Until::clients_closed, 0, {}, drain.get());
  bool const goes_on = drain == nullptr || (drain->reason().empty() && !drain->is_over());
  if (may_stop && !parallel::all_agree(*peers_, goes_on)) {
    std::string reason = drain->reason().empty() ? runtime::limit_reached : drain->reason();
    turn_away(reason);
    return reason;
  }
  await_closing([] {});
  return {};
}

/// Until all clients have closed.
void EngineCore::await_closing(std::function<void()> const& meanwhile) {
  parallel::PatienceScope const patience{calls_};
  parallel::Backoff backoff;
  for (; !closing_.test(); poll()) {
    meanwhile();
    backoff.pause();
  }
}

/// The engine has stopped: who has asked, or asks, gets to know.
void EngineCore::turn_away(std::string const& reason) {
  if (!host_->is_released()) {
    host_->release();
  }
  await_closing([&] {
    if (host_->service() != nullptr) {
      host_->service()->refuse_all(reason);
    }
  });
}

void EngineCore::pause() {
  check_works();
  if (roles_.is_engine && !host_->is_released()) {
    host_->release();
  }
}

void EngineCore::resume() {
  check_works();
  if (roles_.is_engine && host_->is_released()) {
    host_->restore();
  }
}

/// The requests that the first ranks of replicas are to have answered before they leave, of all
/// ranks of the engine.
std::vector<Asked> EngineCore::gather_awaited(std::span<RequestId const> awaited) {
  std::vector<std::int64_t> mine;  // lead, rank, number of each
  for (RequestId const request : awaited) {
    if (auto const sent = requests_->whereabouts(request)) {
      mine.insert(mine.end(),
                  {leads_[static_cast<std::size_t>(sent->replica)], base_.rank(), sent->number});
    }
  }
  parallel::Communicator const& comm = *peers_;
  int const count = parallel::checked_count(mine.size(), "wait");
  std::vector<int> counts(static_cast<std::size_t>(comm.size()));
  std::vector<int> offsets(counts.size());
  parallel::all_gather(comm, std::span{&count, 1}, std::span{counts});
  int const total = parallel::pack_blocks(counts, offsets);
  std::vector<Asked> asked;
  if (total == 0) {
    return asked;
  }
  std::vector<std::int64_t> all(static_cast<std::size_t>(total));
  parallel::all_gather_v<std::int64_t>(comm, mine, all, {counts, offsets});
  for (std::size_t i = 0; i < all.size(); i += 3) {
    if (all[i] == base_.rank()) {
      asked.emplace_back(static_cast<int>(all[i + 1]), all[i + 2]);
    }
  }
  return asked;
}

/// Whatever the engine's ranks have submitted before is part of a run.
void EngineCore::wait_for_requests() {
  std::vector<std::int64_t> sent(requests_->sent().begin(), requests_->sent().end());
  parallel::all_reduce(*peers_, std::span{sent}, parallel::ReduceOp::sum);
  if (host_->service() == nullptr) {
    return;
  }
  auto const replica = static_cast<std::size_t>(host_->grid().here().dp);
  parallel::Backoff backoff;
  for (poll(); num_received_ < sent[replica]; poll()) {
    backoff.pause();
  }
}

void EngineCore::drive(Until until,
                       double milliseconds,
                       std::span<RequestId const> awaited,
                       runtime::Drain* drain) {
  if (host_->is_released()) {
    throw EngineError{ErrorCode::state, "the engine is paused (resume it before it works)"};
  }
  auto const longest = parallel::all_reduce(
      *peers_, static_cast<std::int64_t>(milliseconds * 1000), parallel::ReduceOp::max);
  Orders orders{.until = Orders::Clock::now() + std::chrono::microseconds{longest},
                .awaited = gather_awaited(awaited),
                .rests = !roles_.has_clients};
  if (until == Until::clients_closed) {
    orders.is_over = [this] { return closing_.test(); };
    orders.drain = drain;
  }
  if (until != Until::time) {
    orders.until.reset();
  }
  wait_for_requests();
  if (ServiceClient* const service = host_->service()) {
    service->begin(std::move(orders));
  }
  host_->run([this] { poll(); }, drain);
  if (ServiceClient* const service = host_->service()) {
    service->begin({});  // what the orders refer to may go
  }
  if (drain != nullptr) {
    drain->close([this] { poll(); });
  }
  leave_together(awaited);
}

/// The engine is done; answers may be on their way, and need their senders for it.
void EngineCore::leave_together(std::span<RequestId const> awaited) {
  parallel::Backoff backoff;
  for (poll(); !are_here(awaited); poll()) {
    backoff.pause();
  }
  parallel::Request all_here = parallel::start_barrier(*peers_);
  for (backoff = {}; !all_here.test(); poll()) {
    backoff.pause();
  }
}

void EngineCore::begin_closing() {
  if (!std::exchange(is_closing_, true)) {
    closing_ = parallel::start_barrier(base_);
  }
}

void EngineCore::close() {
  if (is_closed_) {
    return;
  }
  begin_closing();
  parallel::PatienceScope const patience{calls_};
  auto const ignore = [](int, std::vector<std::byte>&&) {};
  parallel::Backoff backoff;
  while (!closing_.test()) {
    mail_->drain(ignore);
    static_cast<void>(mail_->progress());
    backoff.pause();
  }
  mail_->close(ignore);
  host_.reset();
  mail_.reset();
  peers_.reset();
  requests_->clear();
  is_closed_ = true;
}

}  // namespace talus::api
