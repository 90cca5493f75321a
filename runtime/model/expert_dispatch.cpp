// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/expert_dispatch.hpp"

#include "runtime/model/expert_exchange.hpp"
#include "runtime/model/local_experts.hpp"

namespace talus::runtime {

std::unique_ptr<ExpertDispatch> make_expert_dispatch(kernels::ExecContext const& exec,
                                                     GroupTraffic& group,
                                                     DispatchSizes const& sizes) {
  if (group.size() == 1) {
    return std::make_unique<LocalExperts>(exec, sizes);
  }
  return std::make_unique<ExpertExchange>(exec, group, sizes.num_experts, sizes.hidden);
}

}  // namespace talus::runtime
