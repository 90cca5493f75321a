// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/session.hpp"
#include "parallel/mailbox.hpp"
#include "runtime/api/service_client.hpp"
#include "runtime/api/talus/engine.hpp"
#include "runtime/base/reporter.hpp"
#include "runtime/batch/model_plan.hpp"
#include "runtime/batch/request_rules.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/model/weights.hpp"

namespace talus::api {

/// A rank's part of a model at work: grid, weights, engine, and on the first rank of a replica what
/// feeds it.
class ModelHost {
 public:
  /// Plans and loads. Collective over `ranks`.
  ///
  /// \param ranks    the engine's
  /// \param share    of the cores of this process
  /// \param calls    where this rank says what it does; null: nowhere
  /// \throws ConfigError  on every rank, if anything of the setup can't be used
  ModelHost(parallel::Communicator const& ranks,
            Options const& options,
            kernels::CoreShare share,
            parallel::CallLog* calls,
            Reporter& reporter);
  ModelHost(ModelHost const&) = delete;
  ModelHost& operator=(ModelHost const&) = delete;
  ~ModelHost();

  [[nodiscard]] parallel::ProcessGrid const& grid() const noexcept { return *grid_; }

  /// Makes what feeds this replica. Does nothing but on its first rank.
  ///
  /// \param mail, poll  see ServiceClient
  void open(parallel::Mailbox& mail, std::function<void()> poll);

  /// Null but on the first rank of a replica.
  [[nodiscard]] ServiceClient* service() noexcept { return service_ ? &*service_ : nullptr; }

  /// Works until the orders of all first ranks let it leave. Collective over the engine's ranks.
  ///
  /// \param between_steps  called on the first ranks
  /// \param drain          what may stop it, with all ranks' steps; null: nothing
  void run(std::function<void()> const& between_steps, runtime::Drain* drain);

  /// A drain of this engine's steps. Collective over the engine's ranks.
  ///
  /// \param control  outlives it
  [[nodiscard]] std::unique_ptr<runtime::Drain> make_drain(
      runtime::RunControl const& control) const;

  /// Gives weights, caches and activations back, and takes them again. Collective over the engine's
  /// ranks.
  void release();
  void restore();

  [[nodiscard]] bool is_released() const noexcept { return engine_ == nullptr; }

 private:
  void load(Reporter* reporter);

  runtime::ModelOptions options_;
  std::unique_ptr<kernels::KernelSession> session_;
  runtime::ModelPlan plan_;
  std::unique_ptr<parallel::ProcessGrid> grid_;
  std::optional<runtime::TextModel> text_;
  runtime::BatchRules rules_;
  runtime::ModelWeights weights_;
  runtime::StepClock clock_;
  std::unique_ptr<runtime::GridTraffic> traffic_;
  std::unique_ptr<runtime::Engine> engine_;
  std::optional<ServiceClient> service_;
};

}  // namespace talus::api
