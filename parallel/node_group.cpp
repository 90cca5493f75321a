// SPDX-License-Identifier: Apache-2.0
#include "parallel/node_group.hpp"

#include <memory>
#include <new>
#include <utility>

#include "parallel/communicator.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::parallel {

namespace {

// What the attribute points to: one group for all communicators that remember it.
using Remembered = std::shared_ptr<GroupHandle const>;

int copy_remembered(
    MPI_Comm /*from*/, int /*key*/, void* /*extra*/, void* value, void* copy, int* is_copied) {
  auto* const made = new (std::nothrow) Remembered{*static_cast<Remembered const*>(value)};
  *static_cast<void**>(copy) = made;
  *is_copied = 1;
  return made == nullptr ? MPI_ERR_NO_MEM : MPI_SUCCESS;
}

int forget_remembered(MPI_Comm /*comm*/, int /*key*/, void* value, void* /*extra*/) {
  delete static_cast<Remembered*>(value);
  return MPI_SUCCESS;
}

// The attribute's key, one for a process.
int remembered_key() {
  static int const key = [] {
    int made = MPI_KEYVAL_INVALID;
    mpi_check(MPI_Comm_create_keyval(copy_remembered, forget_remembered, &made, nullptr),
              "MPI_Comm_create_keyval");
    return made;
  }();
  return key;
}

// Null if the communicator remembers nothing.
Remembered const* find_remembered(MPI_Comm comm) {
  Remembered const* value = nullptr;
  int is_there = 0;
  mpi_check(MPI_Comm_get_attr(comm, remembered_key(), &value, &is_there), "MPI_Comm_get_attr");
  return is_there != 0 ? value : nullptr;
}

void set_remembered(MPI_Comm comm, Remembered group) {
  auto value = std::make_unique<Remembered>(std::move(group));
  mpi_check(MPI_Comm_set_attr(comm, remembered_key(), value.get()), "MPI_Comm_set_attr");
  static_cast<void>(value.release());  // MPI's now: forget_remembered deletes it
}

}  // namespace

void GroupTraits::destroy(MPI_Group group) noexcept {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) {
    MPI_Group_free(&group);
  }
}

GroupHandle group_of(MPI_Comm comm) {
  MPI_Group group = MPI_GROUP_NULL;
  mpi_check(MPI_Comm_group(comm, &group), "MPI_Comm_group");
  return GroupHandle{group};
}

GroupHandle remembered_node(MPI_Comm comm) {
  Remembered const* const node = find_remembered(comm);
  if (node == nullptr) {
    return {};
  }
  MPI_Group here = MPI_GROUP_NULL;
  // The order is that of the first.
  mpi_check(MPI_Group_intersection(group_of(comm).get(), (*node)->get(), &here),
            "MPI_Group_intersection");
  return GroupHandle{here};
}

void remember_node(MPI_Comm comm, MPI_Comm node) {
  set_remembered(comm, std::make_shared<GroupHandle const>(group_of(node)));
}

void inherit_node(MPI_Comm from, MPI_Comm made) {
  if (Remembered const* const node = find_remembered(from)) {
    set_remembered(made, *node);
  }
}

NodesRemembered::NodesRemembered(MPI_Comm comm) : comm_{comm} {
  remember_node(comm, Communicator::duplicate(comm).split_by_node().native());
}

NodesRemembered::~NodesRemembered() {
  MPI_Comm_delete_attr(comm_, remembered_key());  // nobody to report a failure to
}

}  // namespace talus::parallel
