// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/local_experts.hpp"

#include "kernels/moe.hpp"

namespace talus::runtime {

LocalExperts::LocalExperts(kernels::ExecContext const& exec, DispatchSizes const& sizes)
    : exec_{exec},
      offsets_{exec, sizes.num_experts + 1},
      token_rows_{exec, sizes.max_choices()},
      choice_rows_{exec, sizes.max_choices()},
      tokens_{exec, sizes.max_choices(), sizes.hidden} {}

MatrixView<float const> LocalExperts::dispatch(MatrixView<float const> x,
                                               std::span<std::int32_t const> expert_ids) {
  auto const choices = static_cast<std::int64_t>(expert_ids.size());
  num_choices_ = expert_ids.size();
  auto const token_rows = token_rows_.span().first(num_choices_);
  kernels::order_choices(exec_,
                         expert_ids,
                         x.rows > 0 ? choices / x.rows : 1,
                         {offsets_.span(), token_rows, choice_rows_.span().first(num_choices_)});
  MatrixView<float> const rows = tokens_.rows(choices);
  kernels::gather_tokens(exec_, x, token_rows, offsets_.span(), rows);
  return as_const(rows);
}

}  // namespace talus::runtime
