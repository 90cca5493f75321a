// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "parallel/communicator.hpp"
#include "runtime/model/family.hpp"

namespace talus::runtime {

/// A model's texts on all ranks, as rank 0 has read them. The first rank of each node and those
/// that were given another directory than rank 0 compare them with what they see themselves: a node
/// may have a stale copy. The others don't read, for thousands of ranks that open one file at the
/// same time make its server wait. Collective over `comm`.
///
/// \param node  the ranks of `comm` on this node
/// \throws ConfigError  on all ranks, if one can't be read, or a rank sees others than rank 0
[[nodiscard]] ModelTexts share_model_texts(parallel::Communicator const& comm,
                                           parallel::Communicator const& node,
                                           std::filesystem::path const& dir);

}  // namespace talus::runtime
