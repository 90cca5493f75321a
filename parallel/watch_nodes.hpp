// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "parallel/call_text.hpp"
#include "parallel/communicator.hpp"

namespace talus::parallel {

/// Which rank is on which node, and the nodes' names: some bytes a rank and node.
struct WatchNodes {
  using Name = SharedText<8>;

  /// Collective over `comm`.
  ///
  /// \param node  the ranks of `comm` on this node
  WatchNodes(Communicator const& comm, Communicator const& node);

  /// Ranks on this node, ascending.
  [[nodiscard]] std::vector<int> ranks_here() const;

  /// This host's name.
  [[nodiscard]] Name const& name_here() const { return names[static_cast<std::size_t>(here)]; }

  int here = 0;              ///< this node
  std::vector<int> node_of;  ///< [ranks] counted in the order of their first ranks
  std::vector<Name> names;   ///< [nodes]
};

}  // namespace talus::parallel
