// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "parallel/communicator.hpp"

namespace talus::parallel {

/// A number that all ranks of a group can add to, each at its own time. Begins at 0.
///
/// Creating one is collective. So is destroying one, unless an exception is on its way.
class SharedCounter {
 public:
  SharedCounter() = default;
  SharedCounter(SharedCounter const&) = delete;
  SharedCounter& operator=(SharedCounter const&) = delete;
  virtual ~SharedCounter() = default;

  /// Adds `value`, and returns the number as it was before. Not collective.
  ///
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] virtual std::int64_t fetch_add(std::int64_t value) = 0;
};

/// An atomic in a shared-memory window. Collective.
///
/// \return null on all ranks if they are not all on one node
[[nodiscard]] std::unique_ptr<SharedCounter> make_node_counter(Communicator const& comm);

/// A window on rank 0 and MPI_Fetch_and_op. Collective.
///
/// \return null on all ranks if this MPI has no one-sided operations between them
[[nodiscard]] std::unique_ptr<SharedCounter> make_window_counter(Communicator const& comm);

/// A thread of rank 0 that answers messages. Collective.
///
/// \return null on all ranks if MPI was initialised with less than MPI_THREAD_MULTIPLE on one
[[nodiscard]] std::unique_ptr<SharedCounter> make_served_counter(Communicator const& comm);

}  // namespace talus::parallel
