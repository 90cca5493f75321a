// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "parallel/process_grid.hpp"
#include "runtime/traffic/device_calls.hpp"
#include "runtime/traffic/group_traffic.hpp"
#include "runtime/traffic/traffic_choice.hpp"

namespace talus::runtime {

/// A rank's context in a grid, and how its activations travel there.
class GridTraffic {
 public:
  /// Collective over the grid's ranks, which all have a device, or none has. `grid` and what `exec`
  /// names outlive this.
  ///
  /// \param comm  how devices are to exchange data
  /// \throws ConfigError  on every rank of a group, if NCCL is wanted and can't be used there
  GridTraffic(kernels::ExecContext const& exec,
              parallel::ProcessGrid const& grid,
              CommOption comm = CommOption::automatic);
  ~GridTraffic();
  GridTraffic(GridTraffic const&) = delete;
  GridTraffic& operator=(GridTraffic const&) = delete;

  [[nodiscard]] kernels::ExecContext const& exec() const noexcept { return exec_; }

  [[nodiscard]] parallel::ProcessGrid const& grid() const noexcept { return *grid_; }

  /// Among the ranks that share the shards of a stage.
  [[nodiscard]] GroupTraffic& tp() noexcept { return *tp_; }

  /// Among the stages of a replica.
  [[nodiscard]] GroupTraffic& pp() noexcept { return *pp_; }

  /// Among the ranks that share out the experts of a stage.
  [[nodiscard]] GroupTraffic& expert() noexcept { return *expert_; }

  /// What was chosen and why, for the run's record: "tensor parallel: NCCL 2.23.4 (every rank has a
  /// device of its own)"; a group of one rank isn't told of. Of this rank's groups.
  [[nodiscard]] std::string const& description() const noexcept { return description_; }

 private:
  /// A group's traffic, as it is chosen there.
  struct Group {
    std::unique_ptr<GroupTraffic> traffic;
    std::string text;
  };

  [[nodiscard]] Group make_group(parallel::Communicator const& group, CommOption comm);
  void describe(char const* what, std::string const& text);

  kernels::ExecContext exec_;
  parallel::ProcessGrid const* grid_;
  DeviceCalls calls_;
  std::unique_ptr<GroupTraffic> tp_;
  std::unique_ptr<GroupTraffic> pp_;
  std::unique_ptr<GroupTraffic> expert_;
  std::string description_;
};

}  // namespace talus::runtime
