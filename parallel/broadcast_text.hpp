// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/collectives.hpp"
#include "runtime/base/value_bytes.hpp"

namespace talus::parallel {

/// A text of `root` on all ranks, of which only `root` knows the size. Collective over `comm`.
///
/// \param text  matters on `root` only
[[nodiscard]] inline std::string broadcast_text(Communicator const& comm,
                                                std::string_view text,
                                                int root = 0) {
  std::vector<std::byte> bytes = bytes_of(text);
  broadcast_bytes(comm, bytes, root);
  return std::string{as_text(bytes)};
}

}  // namespace talus::parallel
