// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/mailbox.hpp"
#include "runtime/api/model_host.hpp"
#include "runtime/api/own_requests.hpp"
#include "runtime/api/roles.hpp"
#include "runtime/batch/run_control.hpp"

namespace talus::api {

/// What talus::Engine does, without its outer side: errors are Talus' own, and the floating-point
/// environment the default one.
class EngineCore {
 public:
  /// Called on the engine's ranks when they know each other, before they load anything. Collective
  /// over them.
  ///
  /// \return where this rank is to say what it does, which outlives the engine; null: nowhere
  using Oversight = std::function<parallel::CallLog*(parallel::Communicator const& engine_ranks)>;

  /// See Engine.
  ///
  /// \param oversight  of a program that is nothing but an engine; empty: none
  EngineCore(MPI_Comm comm, Options const& options, Oversight const& oversight = {});
  EngineCore(EngineCore const&) = delete;
  EngineCore& operator=(EngineCore const&) = delete;

  /// \pre  close() came before
  ~EngineCore();

  /// Sends a line of OpenAI's batch form, as `line_of` makes it from the request's number.
  [[nodiscard]] std::optional<RequestId> submit(
      std::function<std::string(RequestId)> const& line_of);

  /// Takes in what has come. Local.
  void poll();

  void wait(std::span<RequestId const> requests);
  void wait_any();
  void step_for(double milliseconds);

  /// See Engine::serve().
  ///
  /// \param control  what may stop it; null on all of the engine's ranks: nothing
  /// \return why it stopped; empty if it didn't, which is the same on the engine's ranks
  std::string serve(runtime::RunControl const* control);

  void pause();
  void resume();
  void close();

  /// The rank's requests.
  [[nodiscard]] OwnRequests& requests() noexcept { return *requests_; }

  /// In the communicator.
  [[nodiscard]] int rank() const noexcept { return base_.rank(); }

  [[nodiscard]] bool is_engine_rank() const noexcept { return roles_.is_engine; }

  /// The ranks of the same role; null if it is closed.
  [[nodiscard]] MPI_Comm peers() const noexcept {
    return peers_ ? peers_->native() : MPI_COMM_NULL;
  }

 private:
  /// What the engine's ranks want of a run together.
  enum class Until { time, awaited, clients_closed };

  void open(Options const& options, Hello const& hello, Oversight const& oversight);
  void set_up(Options const& options);
  void tell_leads();
  void take(int sender, std::vector<std::byte>&& message);
  void drive(Until until,
             double milliseconds,
             std::span<RequestId const> awaited,
             runtime::Drain* drain = nullptr);
  [[nodiscard]] std::vector<Asked> gather_awaited(std::span<RequestId const> awaited);
  void wait_for_requests();
  void leave_together(std::span<RequestId const> awaited);
  [[nodiscard]] bool are_here(std::span<RequestId const> requests) const;
  void begin_closing();
  void await_closing(std::function<void()> const& meanwhile);
  void turn_away(std::string const& reason);
  void check_works();

  parallel::Communicator base_;  ///< the ranks of the program's communicator
  Roles roles_;
  std::vector<int> leads_;                       ///< [replicas] ranks of base
  std::optional<parallel::Communicator> peers_;  ///< the ranks of the same role
  parallel::CallLog* calls_ = nullptr;           ///< of the oversight
  std::optional<parallel::Mailbox> mail_;
  std::unique_ptr<ModelHost> host_;  ///< null on a client's rank
  std::optional<OwnRequests> requests_;
  std::int64_t num_received_ = 0;  ///< requests from the engine's ranks
  bool is_closing_ = false;
  bool is_closed_ = false;
  parallel::Request closing_;  ///< of the barrier that all ranks enter that submit no more
};

}  // namespace talus::api
