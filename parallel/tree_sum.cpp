// SPDX-License-Identifier: Apache-2.0
#include "parallel/tree_sum.hpp"

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/tags.hpp"
#include "runtime/base/assert.hpp"

namespace talus::parallel {

namespace {

// What a round of messages costs, in bytes that could have been received instead: 2 us at 8 GB/s,
// as between two ranks in shared memory; networks are within a factor of three of it.
constexpr double round_bytes = 16384;

// Slices begin at whole cache lines.
constexpr std::size_t slice_unit = 16;

std::vector<LeafRange> nodes_of_all(SumTree const& tree, int num_ranks) {
  std::vector<LeafRange> all;
  for (int rank = 0; rank < num_ranks; ++rank) {
    std::vector<LeafRange> const nodes = tree.nodes_of(tree.run_of(rank, num_ranks));
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  return all;
}

}  // namespace

TreeSum::TreeSum(Communicator const& comm, SumTree const& tree)
    : comm_{Communicator::duplicate(comm.native())},
      my_nodes_{tree.nodes_of(tree.run_of(comm.rank(), comm.size()))},
      first_node_{0},
      plan_{tree, nodes_of_all(tree, comm.size())},
      inputs_(plan_.num_inputs()) {
  for (int rank = 0; rank < comm.size(); ++rank) {
    std::size_t const nodes = tree.nodes_of(tree.run_of(rank, comm.size())).size();
    first_node_.push_back(first_node_.back() + nodes);
  }
  auto const peers = static_cast<std::size_t>(comm.size() - 1);
  requests_.reserve(plan_.num_inputs() + peers * my_nodes_.size() + 2 * peers);
}

void TreeSum::reserve(std::size_t num_elements) {
  std::size_t const size = buffer_size(num_elements);
  if (size > received_.size()) {
    received_.resize(size);
  }
}

void TreeSum::sum(std::span<float const* const> partials, std::span<float> result) {
  TALUS_EXPECT(partials.size() == my_nodes_.size());
  reserve(result.size());
  bool const everywhere = folds_everywhere(result.size());
  Slice const mine = everywhere ? Slice{0, result.size()} : slice_of(comm_.rank(), result.size());

  exchange_partials(partials, result.size());
  plan_.apply(inputs_, result.subspan(mine.first, mine.size));
  if (!everywhere) {
    gather_slices(result);
  }
}

bool TreeSum::folds_everywhere(std::size_t num_elements) const noexcept {
  double const ranks = comm_.size();
  auto const nodes = static_cast<double>(plan_.num_inputs());
  double const others = (ranks - 1) / ranks;
  // Received by a rank: everything, against a slice of everything and the other slices of the sum.
  double const everything = others * nodes;
  double const slices = others * (nodes / ranks + 1);
  double const element_bytes = sizeof(float);
  return (everything - slices) * static_cast<double>(num_elements) * element_bytes <= round_bytes;
}

TreeSum::Slice TreeSum::slice_of(int rank, std::size_t num_elements) const noexcept {
  auto const ranks = static_cast<std::size_t>(comm_.size());
  auto const cut = [&](std::size_t r) {
    return r == ranks ? num_elements : num_elements * r / ranks / slice_unit * slice_unit;
  };
  auto const index = static_cast<std::size_t>(rank);
  return {cut(index), cut(index + 1) - cut(index)};
}

std::size_t TreeSum::buffer_size(std::size_t num_elements) const noexcept {
  std::size_t const received_nodes = plan_.num_inputs() - my_nodes_.size();
  bool const everywhere = folds_everywhere(num_elements);
  Slice const mine = everywhere ? Slice{0, num_elements} : slice_of(comm_.rank(), num_elements);
  return received_nodes * mine.size;
}

void TreeSum::exchange_partials(std::span<float const* const> partials, std::size_t num_elements) {
  bool const everywhere = folds_everywhere(num_elements);
  auto const wanted_by = [&](int rank) {
    return everywhere ? Slice{0, num_elements} : slice_of(rank, num_elements);
  };
  int const tag = static_cast<int>(Tag::tree_partials);
  Slice const mine = wanted_by(comm_.rank());
  int const my_count = checked_count(mine.size, "tree sum");

  requests_.clear();
  float* free = received_.data();
  for (int rank = 0; rank < comm_.size(); ++rank) {
    std::size_t const first = first_node_[static_cast<std::size_t>(rank)];
    std::size_t const last = first_node_[static_cast<std::size_t>(rank) + 1];
    for (std::size_t node = first; node < last; ++node) {
      if (rank == comm_.rank()) {
        inputs_[node] = partials[node - first] + mine.first;
        continue;
      }
      inputs_[node] = free;
      mpi_check(MPI_Irecv(free,
                          my_count,
                          MPI_FLOAT,
                          rank,
                          tag,
                          comm_.native(),
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Irecv");
      free += mine.size;
    }
  }
  // Each rank begins with its right neighbour, so that not all send to rank 0 first.
  for (int step = 1; step < comm_.size(); ++step) {
    int const rank = (comm_.rank() + step) % comm_.size();
    Slice const theirs = wanted_by(rank);
    for (float const* const partial : partials) {
      mpi_check(MPI_Isend(partial + theirs.first,
                          checked_count(theirs.size, "tree sum"),
                          MPI_FLOAT,
                          rank,
                          tag,
                          comm_.native(),
                          &requests_.emplace_back(MPI_REQUEST_NULL)),
                "MPI_Isend");
    }
  }
  wait_yielding(requests_);
}

void TreeSum::gather_slices(std::span<float> result) {
  int const tag = static_cast<int>(Tag::tree_result);
  Slice const mine = slice_of(comm_.rank(), result.size());
  int const my_count = static_cast<int>(mine.size);

  requests_.clear();
  for (int step = 1; step < comm_.size(); ++step) {
    int const rank = (comm_.rank() + comm_.size() - step) % comm_.size();
    Slice const theirs = slice_of(rank, result.size());
    mpi_check(MPI_Irecv(result.data() + theirs.first,
                        static_cast<int>(theirs.size),
                        MPI_FLOAT,
                        rank,
                        tag,
                        comm_.native(),
                        &requests_.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Irecv");
  }
  for (int step = 1; step < comm_.size(); ++step) {
    int const rank = (comm_.rank() + step) % comm_.size();
    mpi_check(MPI_Isend(result.data() + mine.first,
                        my_count,
                        MPI_FLOAT,
                        rank,
                        tag,
                        comm_.native(),
                        &requests_.emplace_back(MPI_REQUEST_NULL)),
              "MPI_Isend");
  }
  wait_yielding(requests_);
}

}  // namespace talus::parallel
