// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mpi.h>

#include "runtime/base/unique_handle.hpp"

/// \file
/// To ask MPI which ranks share a node makes every rank hear of every other one, so it is asked
/// once, and communicators remember it: by an attribute of MPI's, which all their duplicates have.

namespace talus::parallel {

/// How UniqueHandle destroys a group of processes.
struct GroupTraits {
  using native_type = MPI_Group;

  static MPI_Group null() noexcept { return MPI_GROUP_NULL; }

  static void destroy(MPI_Group group) noexcept;
};

using GroupHandle = UniqueHandle<GroupTraits>;

/// The ranks of `comm`, in their order. Local.
///
/// \throws ApiError  if MPI reports an error
[[nodiscard]] GroupHandle group_of(MPI_Comm comm);

/// The ranks of `comm` on this node, in their order, as far as `comm` remembers them; else nothing,
/// on all of its ranks. Local.
///
/// \throws ApiError  if MPI reports an error
[[nodiscard]] GroupHandle remembered_node(MPI_Comm comm);

/// Has `comm` remember who is on this node. Local, to be called on all of its ranks.
///
/// \param node  the ranks of `comm` on this node, or more
/// \throws ApiError  if MPI reports an error
void remember_node(MPI_Comm comm, MPI_Comm node);

/// Has `made`, of ranks of `from`, remember what `from` does. Local, to be called on all ranks of
/// `made`. (A duplicate does so by itself.)
///
/// \throws ApiError  if MPI reports an error
void inherit_node(MPI_Comm from, MPI_Comm made);

/// Has a program's own communicator remember its nodes for as long as this lives, so that whatever
/// is duplicated from it meanwhile need not ask.
class NodesRemembered {
 public:
  /// Collective over `comm`.
  ///
  /// \throws ApiError  if MPI reports an error
  explicit NodesRemembered(MPI_Comm comm);

  NodesRemembered(NodesRemembered const&) = delete;
  NodesRemembered& operator=(NodesRemembered const&) = delete;

  ~NodesRemembered();

 private:
  MPI_Comm comm_;
};

}  // namespace talus::parallel
