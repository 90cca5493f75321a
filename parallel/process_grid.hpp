// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "parallel/communicator.hpp"
#include "parallel/grid_shape.hpp"

namespace talus::parallel {

/// The ranks of a run as a grid DP x PP x TP, with a communicator for each way they work together.
///
/// TP is innermost, and ranks are first put in the order of their hosts, so that a TP group lies
/// inside a node where the numbers of ranks allow it. The only place that turns a rank into
/// coordinates. All ranks that are meant are ranks of world(), whose order may differ from the
/// parent's; the parent's first rank stays the first.
///
/// Destroy before MPI_Finalize. Destroying is local to this process but for MPI_Comm_free.
class ProcessGrid {
 public:
  /// Duplicates and splits `parent`. Collective over `parent`; `shape` equal on all ranks.
  ///
  /// \param log  where this rank says which calls it comes to; outlives the grid; null: nowhere
  /// \throws ConfigError  if the shape does not fit the number of ranks (see check_grid)
  ProcessGrid(MPI_Comm parent, GridShape const& shape, CallLog* log = nullptr);

  [[nodiscard]] GridShape const& shape() const noexcept { return shape_; }

  /// This rank's coordinates.
  [[nodiscard]] GridCoord here() const noexcept { return here_; }

  /// All ranks, in grid order.
  [[nodiscard]] Communicator const& world() const noexcept { return world_; }

  /// The ranks on this host, which share memory.
  [[nodiscard]] Communicator const& node() const noexcept { return node_; }

  /// The pp * tp ranks that hold this copy of the model, ordered by (pp, tp); rank 0 is its lead.
  [[nodiscard]] Communicator const& replica() const noexcept { return replica_; }

  /// The tp ranks that share the shards of one stage of one replica; rank = tp coordinate.
  [[nodiscard]] Communicator const& tp() const noexcept { return tp_; }

  /// The pp ranks, one a stage, with this dp and tp; rank = stage.
  [[nodiscard]] Communicator const& pp() const noexcept { return pp_; }

  /// All dp * tp ranks of this stage, ordered by (dp, tp).
  [[nodiscard]] Communicator const& plane() const noexcept { return plane_; }

  /// The ep ranks of this stage that share out the experts: neighbours in the plane.
  [[nodiscard]] Communicator const& expert() const noexcept { return expert_; }

  /// True if this rank is the first of its replica (stage 0, shard 0).
  [[nodiscard]] bool is_lead() const noexcept { return replica_.rank() == 0; }

  /// The leads of all replicas; rank = dp coordinate. Its rank 0 is that of world().
  ///
  /// \pre is_lead()
  [[nodiscard]] Communicator const& leads() const noexcept;

  /// The leads of the replicas that expert groups join to this one, which therefore step together.
  ///
  /// \pre is_lead()
  [[nodiscard]] Communicator const& joined_leads() const noexcept;

  /// True if expert groups join replicas, so that these must step together.
  [[nodiscard]] bool spans_replicas() const noexcept { return num_joined_replicas(shape_) > 1; }

 private:
  GridShape shape_;
  Communicator world_;
  Communicator node_;
  GridCoord here_;
  Communicator replica_;
  Communicator tp_;
  Communicator pp_;
  Communicator plane_;
  Communicator expert_;
  Communicator leads_;         // of the other ranks, where this one is none
  Communicator joined_leads_;  // likewise
};

}  // namespace talus::parallel
