// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/checkpoint/loader.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/model/weight_blocks.hpp"

namespace talus::runtime {

/// Ties a rank's weights to the tensors that they come from.
///
/// First everything is bound; then bytes() tells what it will take, and make_demands() allocates it
/// and states what is to be loaded. One description serves the budget, the loader and the check of
/// names.
class WeightBinder {
 public:
  WeightBinder(kernels::ExecContext const& exec, DType dtype) : exec_{exec}, dtype_{dtype} {}

  /// A matrix [out, in], in the model's dtype, made of blocks of tensors.
  void matrix(kernels::PackedWeights& target,
              std::int64_t out,
              std::int64_t in,
              std::vector<TensorBlock> blocks);

  /// As matrix(), but kept in float32 (a router).
  void exact_matrix(kernels::PackedWeights& target,
                    std::int64_t out,
                    std::int64_t in,
                    std::vector<TensorBlock> blocks);

  /// A vector of `size` elements, in float32, made of blocks of tensors.
  ///
  /// \param offset  added to each element
  void vector(std::vector<float>& target,
              std::int64_t size,
              std::vector<VectorBlock> blocks,
              float offset = 0.0F);

  /// Some columns of a table [rows, cols].
  void table(kernels::RowTable& target,
             std::string name,
             std::int64_t rows,
             std::int64_t cols,
             Range columns);

  /// Bytes of everything bound.
  [[nodiscard]] std::int64_t bytes() const noexcept { return bytes_; }

  /// Allocates every target, and gives the demands that fill them. Targets must stay where they
  /// are.
  [[nodiscard]] std::vector<io::TensorDemand> make_demands();

  /// Names of the tensors bound, with repetitions.
  [[nodiscard]] std::vector<std::string> const& names() const noexcept { return names_; }

 private:
  void bind(kernels::PackedWeights& target,
            std::int64_t out,
            std::int64_t in,
            DType dtype,
            std::vector<TensorBlock> blocks);

  kernels::ExecContext exec_;
  DType dtype_;
  std::int64_t bytes_ = 0;
  std::vector<std::string> names_;
  std::vector<std::function<void(std::vector<io::TensorDemand>&)>> makers_;
};

}  // namespace talus::runtime
