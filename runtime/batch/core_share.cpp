// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/core_share.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "parallel/collectives.hpp"

namespace talus::runtime {

kernels::CoreShare core_share(parallel::Communicator const& comm) {
  parallel::Communicator const node = comm.split_by_node();
  std::vector<kernels::Core> const cores = kernels::usable_cores();
  std::string_view const bytes{reinterpret_cast<char const*>(cores.data()),
                               cores.size() * sizeof(kernels::Core)};
  auto const mine = static_cast<std::int64_t>(std::hash<std::string_view>{}(bytes));
  std::vector<std::int64_t> all(static_cast<std::size_t>(node.size()));
  parallel::all_gather<std::int64_t>(node, {&mine, 1}, all);
  auto const own = all.begin() + node.rank();
  return {static_cast<int>(std::count(all.begin(), own, mine)),
          static_cast<int>(std::count(all.begin(), all.end(), mine))};
}

}  // namespace talus::runtime
