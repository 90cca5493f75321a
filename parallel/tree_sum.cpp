// SPDX-License-Identifier: Apache-2.0
#include "parallel/tree_sum.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::parallel {

TreeSum::TreeSum(Communicator const& comm,
                 SumTree const& tree,
                 std::size_t max_elements,
                 SumTransport transport)
    : my_nodes_{tree.nodes_of(tree.run_of(comm.rank(), comm.size()))},
      max_elements_{max_elements},
      transport_{SumTransport::shared_memory} {
  bool const is_alone = comm.size() == 1;
  if (transport == SumTransport::shared_memory ||
      (transport == SumTransport::automatic && !is_alone)) {
    path_ = make_shared_sum(comm, tree, max_elements);
  }
  if (path_ != nullptr) {
    return;
  }
  if (transport == SumTransport::shared_memory) {
    throw ConfigError{concat("tree sum: shared memory for ",
                             comm.size(),
                             " ranks and ",
                             max_elements,
                             " elements (the ranks are on several nodes, or this one has not as "
                             "much shared memory; messages need none)")};
  }
  path_ = make_message_sum(comm, tree, max_elements);
  transport_ = SumTransport::messages;
}

SumArrival TreeSum::sum(std::span<float> result) {
  TALUS_EXPECT(result.size() <= max_elements_);
  return path_->sum(result);
}

}  // namespace talus::parallel
