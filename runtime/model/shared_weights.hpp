// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/memory_source.hpp"
#include "parallel/process_grid.hpp"
#include "parallel/shared_window.hpp"

namespace talus::runtime {

/// The ranks of this rank's node that hold the same weights: one of each replica, at the same place
/// in it. Collective over grid.world().
[[nodiscard]] parallel::Communicator weight_sharers(parallel::ProcessGrid const& grid);

/// Bytes of shared memory for weights of `bytes` bytes: each matrix begins at a cache line.
[[nodiscard]] std::int64_t shared_weight_bytes(std::int64_t bytes);

/// Memory for the one copy of the weights that the replicas on a node have together.
///
/// All of them bind and allocate the same matrices in the same order, and so find each at the same
/// place. Each fills those that begin in its own part of the memory, which is near it; so the parts
/// are spread over the node's memory, and loading over its cores. Creating one is collective; so is
/// destroying one, as OpenWindow says.
class SharedWeights final : public kernels::MemorySource {
 public:
  /// Collective over `sharers`.
  ///
  /// \param bytes   of all, as shared_weight_bytes tells; equal on all ranks
  /// \return  null, on all ranks, if the node lacks shared memory
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] static std::unique_ptr<SharedWeights> make(parallel::Communicator sharers,
                                                           std::int64_t bytes);

  SharedWeights(parallel::Communicator sharers, parallel::SharedWindow window);

  [[nodiscard]] void* take(std::int64_t bytes) override;

  [[nodiscard]] bool is_filled_here(void const* memory) const override;

  /// Whether all sharers have the buffer that begins at `memory`.
  [[nodiscard]] bool holds(void const* memory) const;

  /// The ranks that share it.
  [[nodiscard]] parallel::Communicator const& sharers() const noexcept { return sharers_; }

  /// Returns when all sharers have called it: then all weights are there. Collective.
  void publish() const;

 private:
  parallel::Communicator sharers_;
  parallel::SharedWindow window_;
  std::size_t taken_ = 0;
};

}  // namespace talus::runtime
