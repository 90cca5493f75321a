// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

namespace talus::runtime {

/// A model's texts on all ranks, read by the first rank of each node: thousands of ranks that open
/// one file at the same time make its server wait, and a node may have a copy of its own, which
/// must not be another model's. Collective over `comm`.
///
/// \param node  the ranks of `comm` on this node
/// \throws ConfigError  on all ranks, if one can't be read, or the nodes have different ones
[[nodiscard]] ModelTexts share_model_texts(parallel::Communicator const& comm,
                                           parallel::Communicator const& node,
                                           std::filesystem::path const& dir);

}  // namespace talus::runtime
