// SPDX-License-Identifier: Apache-2.0
#include "parallel/shared_window.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <mpi.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"

namespace talus::parallel {

namespace {

// Linux 5.14; older headers lack the name.
constexpr int populate_for_writing = 23;

std::size_t page_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

// Whether the file system where MPIs keep shared memory has room; true if that can't be said.
//
// Asked before MPI is: when Open MPI 4.1 finds no room, the rank that made the file returns an
// error, and the others wait for it.
bool has_room(std::int64_t bytes) {
  struct statvfs fs {};

  if (statvfs("/dev/shm", &fs) != 0) {
    return true;
  }
  return static_cast<double>(fs.f_bavail) * static_cast<double>(fs.f_frsize) >
         static_cast<double>(bytes);
}

// Makes the system find the pages. False if it has none: that would be a SIGBUS later.
bool populate(std::span<std::byte> memory) {
  if (memory.empty() || madvise(memory.data(), memory.size(), populate_for_writing) == 0) {
    return true;
  }
  if (errno != EINVAL) {
    return false;
  }
  std::memset(memory.data(), 0, memory.size());  // an older kernel, which can't be asked
  return true;
}

}  // namespace

bool is_one_node(Communicator const& comm) {
  return all_agree(comm, comm.split_by_node().size() == comm.size());
}

bool has_shared_memory(Communicator const& node, std::size_t bytes) {
  auto const given = static_cast<std::int64_t>(whole_pages(bytes) + page_bytes());
  return all_agree(node, has_room(all_reduce(node, given, ReduceOp::sum)));
}

SharedWindow::SharedWindow(MPI_Win window, Communicator const& comm) : window_{window, comm} {
  for (int rank = 0; rank < comm.size(); ++rank) {
    MPI_Aint bytes = 0;
    int unit = 0;
    std::byte* memory = nullptr;
    mpi_check(MPI_Win_shared_query(window, rank, &bytes, &unit, &memory), "MPI_Win_shared_query");
    // Each part was made a page longer than it is to be: not every MPI begins it at one.
    std::size_t const skipped = -reinterpret_cast<std::uintptr_t>(memory) % page_bytes();
    parts_.emplace_back(memory + skipped, static_cast<std::size_t>(bytes) - page_bytes());
  }
}

std::optional<SharedWindow> SharedWindow::allocate(Communicator const& comm, std::size_t bytes) {
  if (!is_one_node(comm) || !has_shared_memory(comm, bytes)) {
    return std::nullopt;
  }
  std::size_t const given = whole_pages(bytes) + page_bytes();
  MPI_Win window = MPI_WIN_NULL;
  std::byte* memory = nullptr;
  int code = MPI_SUCCESS;
  {
    WaitScope const waiting{comm.calls().enter("allocate window")};
    code = MPI_Win_allocate_shared(
        static_cast<MPI_Aint>(given), 1, MPI_INFO_NULL, comm.native(), &memory, &window);
  }
  if (!all_agree(comm, code == MPI_SUCCESS)) {
    return std::nullopt;  // a window that only some ranks have cannot be freed: that is collective
  }
  SharedWindow shared{window, comm};
  if (!all_agree(comm, populate(shared.part(comm.rank())))) {
    return std::nullopt;
  }
  return shared;
}

void SharedWindow::publish(Communicator const& comm) const {
  mpi_check(MPI_Win_sync(window_.native()), "MPI_Win_sync");
  barrier(comm);
  mpi_check(MPI_Win_sync(window_.native()), "MPI_Win_sync");
}

}  // namespace talus::parallel
