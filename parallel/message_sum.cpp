// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <mpi.h>

#include "parallel/collectives.hpp"
#include "parallel/mpi_check.hpp"
#include "parallel/progress.hpp"
#include "parallel/sum_path.hpp"
#include "parallel/tags.hpp"

namespace talus::parallel {

namespace {

// What a round of messages costs, in bytes that could have been received instead: 2 us at 8 GB/s,
// as between two ranks in shared memory; networks are within a factor of three of it.
constexpr double round_bytes = 16384;

class MessageSum final : public SumPath {
 public:
  MessageSum(Communicator const& comm, SumTree const& tree, std::size_t max_elements);

  std::span<float> partial(std::size_t node) noexcept override {
    return {partials_.data() + node * max_elements_, max_elements_};
  }

  SumArrival sum(std::span<float> result) override;

  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return num_elements <= longest_whole_;
  }

 private:
  using Slice = SumLayout::Slice;

  void receive_partials(Slice mine);
  void send_partials(std::size_t num_elements, bool everywhere);
  [[nodiscard]] SumArrival wait_for_partials(std::size_t num_received);
  void gather_slices(std::span<float> result);
  void receive(std::span<float> values, int rank, Tag tag);
  void send(std::span<float const> values, int rank, Tag tag);

  Communicator comm_;
  SumLayout layout_;
  std::size_t max_elements_;
  std::size_t longest_whole_;         // sum that every rank folds whole
  std::vector<float> partials_;       // [this rank's nodes, max_elements]
  std::vector<float> received_;       // the others' partials, node after node
  std::vector<float const*> inputs_;  // [nodes] where each partial lies
  std::vector<MPI_Request> requests_;
};

MessageSum::MessageSum(Communicator const& comm, SumTree const& tree, std::size_t max_elements)
    : comm_{comm.duplicate()},
      layout_{tree, comm.rank(), comm.size()},
      max_elements_{max_elements},
      longest_whole_{layout_.longest_whole(round_bytes)},
      partials_(layout_.my_nodes.size() * max_elements),
      inputs_(layout_.plan.num_inputs()) {
  static_cast<void>(checked_count(max_elements, "tree sum"));
  std::size_t const received_nodes = inputs_.size() - layout_.my_nodes.size();
  std::size_t const longest_whole = std::min(max_elements, longest_whole_);
  received_.resize(received_nodes * std::max(longest_whole, layout_.max_slice(max_elements)));
  auto const peers = static_cast<std::size_t>(comm.size() - 1);
  requests_.reserve(inputs_.size() + peers * layout_.my_nodes.size() + 2 * peers);
}

SumArrival MessageSum::sum(std::span<float> result) {
  WaitScope const waiting{comm_.calls().enter("tree sum")};
  bool const everywhere = folds_everywhere(result.size());
  Slice const mine = everywhere ? Slice{0, result.size()} : layout_.my_slice(result.size());
  requests_.clear();
  receive_partials(mine);
  std::size_t const num_received = requests_.size();
  send_partials(result.size(), everywhere);
  SumArrival const arrival = wait_for_partials(num_received);
  layout_.plan.apply(inputs_, result.subspan(mine.first, mine.size));
  if (!everywhere) {
    gather_slices(result);
  }
  return arrival;
}

// All requests, of which those that receive come first.
SumArrival MessageSum::wait_for_partials(std::size_t num_received) {
  int are_there = 0;
  mpi_check(MPI_Testall(
                static_cast<int>(num_received), requests_.data(), &are_there, MPI_STATUSES_IGNORE),
            "MPI_Testall");
  auto const start = std::chrono::steady_clock::now();
  wait_yielding(requests_);
  std::chrono::duration<double> const waited = std::chrono::steady_clock::now() - start;
  bool const came_last = are_there != 0;
  return {.came_last = came_last, .wait_s = came_last ? 0.0 : waited.count()};
}

void MessageSum::receive_partials(Slice mine) {
  float* free = received_.data();
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    std::size_t const first = layout_.first_node[static_cast<std::size_t>(rank)];
    for (std::size_t node = 0; node < layout_.num_nodes_of(rank); ++node) {
      if (rank == layout_.rank) {
        inputs_[first + node] = partial(node).data() + mine.first;
        continue;
      }
      inputs_[first + node] = free;
      receive({free, mine.size}, rank, Tag::tree_partials);
      free += mine.size;
    }
  }
}

void MessageSum::send_partials(std::size_t num_elements, bool everywhere) {
  // Each rank begins with its right neighbour, so that not all send to rank 0 first.
  for (int step = 1; step < layout_.ranks; ++step) {
    int const rank = (layout_.rank + step) % layout_.ranks;
    Slice const theirs = everywhere ? Slice{0, num_elements} : layout_.slice_of(rank, num_elements);
    for (std::size_t node = 0; node < layout_.my_nodes.size(); ++node) {
      send(partial(node).subspan(theirs.first, theirs.size), rank, Tag::tree_partials);
    }
  }
}

void MessageSum::gather_slices(std::span<float> result) {
  auto const part_of = [&](int rank) {
    Slice const slice = layout_.slice_of(rank, result.size());
    return result.subspan(slice.first, slice.size);
  };
  requests_.clear();
  for (int step = 1; step < layout_.ranks; ++step) {
    int const rank = (layout_.rank + layout_.ranks - step) % layout_.ranks;
    receive(part_of(rank), rank, Tag::tree_result);
  }
  for (int step = 1; step < layout_.ranks; ++step) {
    send(part_of(layout_.rank), (layout_.rank + step) % layout_.ranks, Tag::tree_result);
  }
  wait_yielding(requests_);
}

void MessageSum::receive(std::span<float> values, int rank, Tag tag) {
  mpi_check(MPI_Irecv(values.data(),
                      static_cast<int>(values.size()),
                      MPI_FLOAT,
                      rank,
                      static_cast<int>(tag),
                      comm_.native(),
                      &requests_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Irecv");
}

void MessageSum::send(std::span<float const> values, int rank, Tag tag) {
  mpi_check(MPI_Isend(values.data(),
                      static_cast<int>(values.size()),
                      MPI_FLOAT,
                      rank,
                      static_cast<int>(tag),
                      comm_.native(),
                      &requests_.emplace_back(MPI_REQUEST_NULL)),
            "MPI_Isend");
}

}  // namespace

std::unique_ptr<SumPath> make_message_sum(Communicator const& comm,
                                          SumTree const& tree,
                                          std::size_t max_elements) {
  return std::make_unique<MessageSum>(comm, tree, max_elements);
}

}  // namespace talus::parallel
