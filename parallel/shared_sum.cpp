// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "parallel/progress.hpp"
#include "parallel/shared_window.hpp"
#include "parallel/sum_path.hpp"
#include "parallel/vector_loops.hpp"
#include "runtime/base/relax.hpp"

namespace talus::parallel {

namespace {

// What a round through flags costs, in bytes that could have been read instead: 0.3 us at 15 GB/s
// where each rank has a core, and two switches between ranks where it has not.
constexpr double round_bytes = 4096;
constexpr double shared_core_round_bytes = 131072;

// Polls of a flag before the rank yields: about 12 us, as Backoff's. To yield is to lose the core
// for milliseconds if strangers want it. Ranks that wait for this rank's core are rarely so near.
constexpr int num_spins = 512;
constexpr int num_shared_core_spins = 4;

// Two cache lines: a processor may fetch the neighbour of a line that it wants.
constexpr std::size_t flag_bytes = 128;

using Flag = std::uint64_t;

static_assert(std::atomic_ref<Flag>::is_always_lock_free, "a lock would be this process's");

// One rank's part of the window. How far it has come, then memory for its partial sums, twice.
//
// Sum number e (1, 2, ...) uses buffer e % 2 of every rank. The order of accesses:
//  - A rank writes its partials of sum e, and then `arrived` = e (release). Another one that reads
//    e there (acquire) sees them.
//  - Where ranks fold slices, a rank writes the fold of its slice over that slice of its own first
//    partial, which nobody else reads (each reads its own slice of all partials), and then `folded`
//    = e (release). Another one that reads e there (acquire) sees the slice.
//  - A rank writes to buffer e % 2 again for sum e + 2, after it has seen `arrived` = e + 1 of all
//    (acquire), which each wrote (release) after all that it read in sum e. So no rank writes what
//    another one still reads, and no barrier is needed when a sum ends.
// The flags only grow, so it doesn't matter when a rank sees e + 1 where it waits for e.
class Part {
 public:
  Part(std::byte* memory, std::size_t rows, std::size_t row_elements)
      : flags_{memory},
        values_{reinterpret_cast<float*>(memory + 2 * flag_bytes)},
        rows_{rows},
        row_elements_{row_elements} {}

  static std::size_t bytes(std::size_t rows, std::size_t row_elements) {
    return 2 * flag_bytes + 2 * rows * row_elements * sizeof(float);
  }

  [[nodiscard]] std::atomic_ref<Flag> arrived() const {
    return std::atomic_ref{*reinterpret_cast<Flag*>(flags_)};
  }

  [[nodiscard]] std::atomic_ref<Flag> folded() const {
    return std::atomic_ref{*reinterpret_cast<Flag*>(flags_ + flag_bytes)};
  }

  /// The partial of the rank's `row`-th node in sum `epoch`.
  [[nodiscard]] float* values(std::uint64_t epoch, std::size_t row) const {
    return values_ + (epoch % 2 * rows_ + row) * row_elements_;
  }

 private:
  std::byte* flags_;
  float* values_;
  std::size_t rows_;
  std::size_t row_elements_;
};

class SharedSum final : public SumPath {
 public:
  static std::unique_ptr<SumPath> make(Communicator const& comm,
                                       SumTree const& tree,
                                       std::size_t max_elements);

  SharedSum(Communicator comm, SumLayout layout, std::size_t max_elements, SharedWindow window);

  std::span<float> partial(std::size_t node) noexcept override {
    return {mine().values(epoch_ + 1, node), max_elements_};
  }

  SumArrival sum(std::span<float> result) override;

  [[nodiscard]] bool folds_everywhere(std::size_t num_elements) const noexcept override {
    return num_elements <= longest_whole_;
  }

 private:
  using Slice = SumLayout::Slice;

  /// A rank without nodes needs a row too, for the slice that it folds.
  static std::size_t rows_of(SumLayout const& layout, int rank) {
    return std::max<std::size_t>(layout.num_nodes_of(rank), 1);
  }

  static std::size_t row_elements(std::size_t max_elements) {
    constexpr std::size_t line = 16;
    return (max_elements + line - 1) / line * line;
  }

  [[nodiscard]] Part const& mine() const { return parts_[static_cast<std::size_t>(layout_.rank)]; }

  void find_inputs(std::size_t first);
  void fold_and_gather(std::span<float> result);

  template <class FlagOf>
  SumArrival wait_for_all(FlagOf flag_of);

  Communicator comm_;
  SumLayout layout_;
  std::size_t max_elements_;
  SharedWindow window_;
  std::vector<Part> parts_;           // [ranks]
  std::vector<float const*> inputs_;  // [nodes] where each partial lies
  std::uint64_t epoch_ = 0;           // of the last sum
  bool cores_are_shared_;
  std::size_t longest_whole_;  // sum that every rank folds whole
};

std::unique_ptr<SumPath> SharedSum::make(Communicator const& comm,
                                         SumTree const& tree,
                                         std::size_t max_elements) {
  SumLayout layout{tree, comm.rank(), comm.size()};
  std::size_t const bytes = Part::bytes(rows_of(layout, comm.rank()), row_elements(max_elements));
  std::optional<SharedWindow> window = SharedWindow::allocate(comm, bytes);
  if (!window) {
    return nullptr;
  }
  return std::make_unique<SharedSum>(
      comm.duplicate(), std::move(layout), max_elements, std::move(*window));
}

SharedSum::SharedSum(Communicator comm,
                     SumLayout layout,
                     std::size_t max_elements,
                     SharedWindow window)
    : comm_{std::move(comm)},
      layout_{std::move(layout)},
      max_elements_{max_elements},
      window_{std::move(window)},
      inputs_(layout_.plan.num_inputs()),
      cores_are_shared_{must_share_cores(comm_)},
      longest_whole_{
          layout_.longest_whole(cores_are_shared_ ? shared_core_round_bytes : round_bytes)} {
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    parts_.emplace_back(
        window_.part(rank).data(), rows_of(layout_, rank), row_elements(max_elements));
  }
  mine().arrived().store(0);
  mine().folded().store(0);
  window_.publish(comm_);  // nobody polls flags that are still to be set to 0
}

SumArrival SharedSum::sum(std::span<float> result) {
  WaitScope const waiting{comm_.calls().enter("tree sum")};
  ++epoch_;
  mine().arrived().store(epoch_, std::memory_order_release);
  SumArrival const arrival = wait_for_all([](Part const& part) { return part.arrived(); });
  if (folds_everywhere(result.size())) {
    find_inputs(0);
    layout_.plan.apply(inputs_, result);
  } else {
    fold_and_gather(result);
  }
  return arrival;
}

void SharedSum::find_inputs(std::size_t first) {
  std::size_t input = 0;
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    for (std::size_t node = 0; node < layout_.num_nodes_of(rank); ++node) {
      inputs_[input++] = parts_[static_cast<std::size_t>(rank)].values(epoch_, node) + first;
    }
  }
}

void SharedSum::fold_and_gather(std::span<float> result) {
  auto const copy_of = [&](int rank) {
    Slice const slice = layout_.slice_of(rank, result.size());
    float const* const from = parts_[static_cast<std::size_t>(rank)].values(epoch_, 0);
    copy_values(from + slice.first, result.data() + slice.first, slice.size);
  };
  Slice const slice = layout_.my_slice(result.size());
  find_inputs(slice.first);
  layout_.plan.apply(inputs_, {mine().values(epoch_, 0) + slice.first, slice.size});
  mine().folded().store(epoch_, std::memory_order_release);
  copy_of(layout_.rank);
  wait_for_all([](Part const& part) { return part.folded(); });
  for (int step = 1; step < layout_.ranks; ++step) {
    copy_of((layout_.rank + step) % layout_.ranks);
  }
}

template <class FlagOf>
SumArrival SharedSum::wait_for_all(FlagOf flag_of) {
  auto const is_there = [&](Part const& part) {
    return flag_of(part).load(std::memory_order_acquire) >= epoch_;
  };
  if (std::all_of(parts_.begin(), parts_.end(), is_there)) {
    return {.came_last = true};
  }
  auto const start = std::chrono::steady_clock::now();
  int spins = cores_are_shared_ ? num_shared_core_spins : num_spins;
  Backoff backoff{0};
  for (Part const& part : parts_) {
    while (!is_there(part)) {
      if (spins > 0) {
        --spins;
        relax();
      } else {
        make_progress(comm_);
        backoff.pause();
      }
    }
  }
  std::chrono::duration<double> const waited = std::chrono::steady_clock::now() - start;
  return {.came_last = false, .wait_s = waited.count()};
}

}  // namespace

std::unique_ptr<SumPath> make_shared_sum(Communicator const& comm,
                                         SumTree const& tree,
                                         std::size_t max_elements) {
  return SharedSum::make(comm, tree, max_elements);
}

}  // namespace talus::parallel
