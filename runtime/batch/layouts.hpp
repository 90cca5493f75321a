// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "parallel/communicator.hpp"
#include "runtime/batch/workload.hpp"

namespace talus::runtime {

/// One way to run the same requests.
struct Layout {
  int num_ranks = 1;
  ModelOptions options;
  std::string name;
};

/// Every grid of `num_ranks` ranks into which the model can be cut and that keeps to the sizes that
/// `options` gives: stages of unequal length, ranks that share key/value heads, and experts on any
/// part of a stage's ranks included. A layout's name says which of these it has.
[[nodiscard]] std::vector<Layout> grids_of(ModelOptions const& options,
                                           ModelSpec const& spec,
                                           int num_ranks);

/// A layout again, with other batches, chunks and blocks, and with so little memory that sequences
/// are preempted.
///
/// \param longest  tokens of the longest request, prompt and answer
[[nodiscard]] std::vector<Layout> variants_of(Layout const& layout,
                                              ModelSpec const& spec,
                                              std::int64_t longest);

/// What a layout gave.
struct LayoutHashes {
  std::uint64_t tokens = 0;
  std::uint64_t logprobs = 0;
  std::int64_t preemptions = 0;

  /// Whether the results are the same, bit by bit.
  [[nodiscard]] bool equals(LayoutHashes const& other) const noexcept {
    return tokens == other.tokens && logprobs == other.logprobs;
  }
};

/// Runs a workload in each layout, on the first ranks that it needs. Collective over `comm`.
///
/// \param tell  called on every rank after each layout, with the same values
/// \throws ConfigError  on every rank, if a layout doesn't fit
void run_layouts(parallel::Communicator const& comm,
                 std::vector<Layout> const& layouts,
                 Workload const& workload,
                 std::function<void(Layout const&, LayoutHashes const&)> const& tell);

}  // namespace talus::runtime
