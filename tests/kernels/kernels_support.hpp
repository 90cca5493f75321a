// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/session.hpp"
#include "runtime/base/matrix_view.hpp"

#include "tests/support/catch.hpp"

namespace talus::kernels {

inline constexpr ExecContext on_reference{Backend::reference};
inline constexpr ExecContext on_kokkos{Backend::kokkos};

/// Kokkos, with two threads, for as long as the tests of a program run.
class SessionListener final : public Catch::EventListenerBase {
 public:
  using Catch::EventListenerBase::EventListenerBase;

  void testRunStarting(Catch::TestRunInfo const&) override {
    session_ = std::make_unique<KernelSession>(2);
    team() = session_->team();
  }

  /// The threads of the session.
  static ThreadTeam*& team() {
    static ThreadTeam* current = nullptr;
    return current;
  }

  void testRunEnded(Catch::TestRunStats const&) override { session_.reset(); }

 private:
  std::unique_ptr<KernelSession> session_;
};

/// Each backend that can run here, one after another, on two threads.
inline ExecContext any_backend() {
  auto const backends = available_backends();
  return {GENERATE_REF(from_range(backends)), SessionListener::team()};
}

/// As any_backend(), without the reference.
inline ExecContext fast_backend() {
  auto const backends = available_backends().subspan(1);
  return {GENERATE_REF(from_range(backends)), SessionListener::team()};
}

/// A matrix with some unused elements after each row, so that a kernel that ignores row_stride, or
/// writes past a row, fails.
struct Matrix {
  static constexpr std::int64_t padding = 3;
  static constexpr float untouched = -99.0F;

  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> data;

  Matrix(std::int64_t num_rows, std::int64_t num_cols)
      : rows{num_rows},
        cols{num_cols},
        data(static_cast<std::size_t>(num_rows * (num_cols + padding)), untouched) {}

  [[nodiscard]] std::int64_t stride() const { return cols + padding; }

  [[nodiscard]] float& at(std::int64_t i, std::int64_t j) {
    return data[static_cast<std::size_t>(i * stride() + j)];
  }

  [[nodiscard]] float at(std::int64_t i, std::int64_t j) const {
    return data[static_cast<std::size_t>(i * stride() + j)];
  }

  [[nodiscard]] MatrixView<float> view() { return {data.data(), rows, cols, stride()}; }

  [[nodiscard]] MatrixView<float const> view() const { return {data.data(), rows, cols, stride()}; }

  /// Rows [first, first + count).
  [[nodiscard]] MatrixView<float const> part(std::int64_t first, std::int64_t count) const {
    return {data.data() + first * stride(), count, cols, stride()};
  }

  [[nodiscard]] MatrixView<float> part(std::int64_t first, std::int64_t count) {
    return {data.data() + first * stride(), count, cols, stride()};
  }

  /// The same bits, padding included.
  friend bool operator==(Matrix const& a, Matrix const& b) {
    return a.data.size() == b.data.size() &&
           (a.data.empty() ||
            std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(float)) == 0);
  }
};

inline Matrix random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  std::mt19937 engine{seed};
  std::normal_distribution<float> normal;
  Matrix matrix{rows, cols};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      matrix.at(i, j) = normal(engine);
    }
  }
  return matrix;
}

/// Whether matmuls of bfloat16 round x, too, and add the products of two inputs at once: where a
/// sum is cut, it is between two such pairs.
[[nodiscard]] inline bool multiplies_pairs(Backend backend) {
  return backend == Backend::avx512_bf16 || backend == Backend::amx;
}

/// The same in bfloat16: what some backends round their inputs to, so that all agree on them.
inline Matrix random_bf16_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  Matrix matrix = random_matrix(rows, cols, seed);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      matrix.at(i, j) = bf16_to_float(float_to_bf16(matrix.at(i, j)));
    }
  }
  return matrix;
}

inline RawRows raw_rows(Matrix const& matrix) {
  return {reinterpret_cast<std::byte const*>(matrix.data.data()),
          DType::f32,
          matrix.rows,
          matrix.cols,
          matrix.stride()};
}

/// `values`, [out, in], packed.
inline PackedWeights pack(ExecContext const& exec, Matrix const& values, DType dtype) {
  PackedWeights weights{exec, values.rows, values.cols, dtype};
  weights.set(exec, {}, raw_rows(values));
  return weights;
}

/// Largest difference of two matrices, as a share of the largest element of `wanted`; infinite
/// where one is not a number or the padding was written.
inline float difference(Matrix const& got, Matrix const& wanted) {
  float greatest = 1e-30F;
  float worst = 0.0F;
  for (std::int64_t i = 0; i < wanted.rows; ++i) {
    for (std::int64_t j = 0; j < wanted.stride(); ++j) {
      float const apart = std::fabs(got.at(i, j) - wanted.at(i, j));
      if (!std::isfinite(apart) || (j >= wanted.cols && apart != 0.0F)) {
        return INFINITY;
      }
      greatest = j < wanted.cols ? std::max(greatest, std::fabs(wanted.at(i, j))) : greatest;
      worst = std::max(worst, apart);
    }
  }
  return worst / greatest;
}

}  // namespace talus::kernels
