// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "parallel/communicator.hpp"
#include "parallel/open_window.hpp"

namespace talus::parallel {

/// True on all ranks if all of them are on one node, and can share memory. Collective.
[[nodiscard]] bool is_one_node(Communicator const& comm);

/// True on all ranks if each finds room for the shared memory that all of them want together.
/// Collective over `node`, ranks of one node.
///
/// \param bytes  that this rank wants
[[nodiscard]] bool has_shared_memory(Communicator const& node, std::size_t bytes);

/// Memory that all ranks of a group on one node read and write (MPI_Win_allocate_shared): one part
/// from each rank, which begins at a page, and is near that rank.
///
/// Who may touch what, and when, is the user's to order: with publish(), or with atomics in the
/// memory itself. Creating one is collective; so is destroying one, as OpenWindow says.
class SharedWindow {
 public:
  /// Parts of any sizes. Collective over `comm`, which need not outlive this.
  ///
  /// The pages are there when it returns, so that a file system for shared memory that is too small
  /// (containers often have 64 MiB) is found out here, and not by a signal at the first access.
  ///
  /// \param bytes  size of this rank's part
  /// \return  nothing, on all ranks, if they are not all on one node, or it has not the memory
  /// \throws ApiError  if MPI reports an error
  [[nodiscard]] static std::optional<SharedWindow> allocate(Communicator const& comm,
                                                            std::size_t bytes);

  /// Returns when all ranks have called it, and each sees what any has written before it did. A
  /// barrier alone orders messages, not memory. Collective over `comm`, of the window's ranks.
  ///
  /// \throws ApiError  if MPI reports an error
  void publish(Communicator const& comm) const;

  /// The memory that `rank` gave, and what is left of its last page, at this process's address.
  [[nodiscard]] std::span<std::byte> part(int rank) const noexcept {
    return parts_[static_cast<std::size_t>(rank)];
  }

  /// The parts of all ranks, one behind the other, and what is left over between them.
  [[nodiscard]] std::span<std::byte> all() const noexcept {
    return {parts_.front().data(), parts_.back().data() + parts_.back().size()};
  }

 private:
  SharedWindow(MPI_Win window, Communicator const& comm);

  OpenWindow window_;
  std::vector<std::span<std::byte>> parts_;  // [ranks]
};

}  // namespace talus::parallel
