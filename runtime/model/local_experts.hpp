// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/buffer.hpp"
#include "runtime/model/activations.hpp"
#include "runtime/model/expert_dispatch.hpp"

namespace talus::runtime {

/// Where one rank has all experts: tokens are put in the order of their experts, and that is all.
///
/// On a device the host is told nothing of the choices, and tells the device nothing that depends
/// on them. All memory is made for the largest step, and stays where it is.
class LocalExperts final : public ExpertDispatch {
 public:
  LocalExperts(kernels::ExecContext const& exec, DispatchSizes const& sizes);

  [[nodiscard]] MatrixView<float const> dispatch(MatrixView<float const> x,
                                                 std::span<std::int32_t const> expert_ids) override;

  [[nodiscard]] kernels::RowsByExpert rows() const noexcept override { return offsets_.span(); }

  [[nodiscard]] MatrixView<float const> collect(MatrixView<float const> results) override {
    return results;
  }

  [[nodiscard]] std::int64_t most_rows() const noexcept override { return token_rows_.size(); }

  [[nodiscard]] std::span<std::int32_t const> choice_rows() const noexcept override {
    return choice_rows_.span().first(num_choices_);
  }

 private:
  kernels::ExecContext exec_;
  kernels::Buffer<std::int32_t> offsets_;      ///< [experts + 1]
  kernels::Buffer<std::int32_t> token_rows_;   ///< [choices, by expert] the token of each
  kernels::Buffer<std::int32_t> choice_rows_;  ///< [choices] its place by expert
  Activations tokens_;                         ///< [choices, hidden]
  std::size_t num_choices_ = 0;
};

}  // namespace talus::runtime
