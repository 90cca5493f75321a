// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "parallel/process_grid.hpp"
#include "runtime/traffic/group_traffic.hpp"

namespace talus::runtime {

/// A rank's context in a grid, and how its activations travel there.
class GridTraffic {
 public:
  /// Collective over the grid's ranks. `grid` and what `exec` names outlive this.
  GridTraffic(kernels::ExecContext const& exec, parallel::ProcessGrid const& grid);

  [[nodiscard]] kernels::ExecContext const& exec() const noexcept { return exec_; }

  [[nodiscard]] parallel::ProcessGrid const& grid() const noexcept { return *grid_; }

  /// Among the ranks that share the shards of a stage.
  [[nodiscard]] GroupTraffic& tp() noexcept { return *tp_; }

  /// Among the stages of a replica.
  [[nodiscard]] GroupTraffic& pp() noexcept { return *pp_; }

  /// Among the ranks that share out the experts of a stage.
  [[nodiscard]] GroupTraffic& expert() noexcept { return *expert_; }

 private:
  kernels::ExecContext exec_;
  parallel::ProcessGrid const* grid_;
  std::unique_ptr<GroupTraffic> tp_;
  std::unique_ptr<GroupTraffic> pp_;
  std::unique_ptr<GroupTraffic> expert_;
};

}  // namespace talus::runtime
