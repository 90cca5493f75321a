// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/early_stop.hpp"

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

namespace talus::runtime {

std::string EarlyStop::own_reason() const {
  if (std::string_view const told = control_->told_to_stop(); !told.empty()) {
    return std::string{told};
  }
  bool const is_late =
      control_->limit && std::chrono::steady_clock::now() >= control_->limit->closing();
  return is_late ? limit_reached : "";
}

void EarlyStop::check() const {
  if (std::string const reason = own_reason(); !reason.empty()) {
    throw Error{concat("stopped: ", reason)};
  }
}

bool EarlyStop::is_asked_for(parallel::Communicator const& world) {
  reason_ = own_reason();
  bool const is_told =
      parallel::all_reduce(world, reason_.empty() ? 0 : 1, parallel::ReduceOp::max) == 1;
  if (is_told && reason_.empty()) {
    reason_ = told_elsewhere;
  }
  return is_told;
}

}  // namespace talus::runtime
