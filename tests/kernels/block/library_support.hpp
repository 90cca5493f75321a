// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/device.hpp"
#include "kernels/transfer.hpp"

#include "tests/kernels/cuda/cublaslt/standin.hpp"
#include "tests/kernels/kernels_support.hpp"

/// \file
/// Emulated devices whose products are a library's, of which a stand-in is there.

namespace talus::kernels {

[[nodiscard]] inline test::StandinCounts counts() {
  test::StandinCounts now;
  talus_standin_counts(&now);
  return now;
}

/// A device whose products are the library's.
struct Machine {
  std::unique_ptr<Device> device = make_device(Backend::cuda, {.matmul = MatmulLibrary::cublaslt});
  ExecContext exec{.backend = Backend::cuda, .device = device.get()};

  Machine() = default;

  /// One of another compute capability, or with another version of the library.
  explicit Machine(int capability, std::size_t version = 130000) {
    cuda::CublasLtLibrary library = cuda::require_cublaslt();
    library.version = version;
    constexpr std::int64_t bytes = std::int64_t{1} << 20;
    auto& fenced = static_cast<block::emulation::FencedDevice&>(*device);
    fenced.set_products(
        std::make_unique<cuda::LibraryProducts>(
            library, cuda::ProductResources{fenced.allocate(bytes), bytes, {}, capability}),
        fenced.biased_matmul());
  }
};

/// A matrix in a context's memory, with `gap` elements from row to row that aren't its own.
class DeviceMatrix {
 public:
  DeviceMatrix(ExecContext const& exec, Matrix const& values, std::int64_t gap = 0)
      : exec_{exec},
        rows_{values.rows},
        cols_{values.cols},
        stride_{cols_ + gap},
        memory_{exec, rows_ * stride_} {
    std::vector<float> dense(static_cast<std::size_t>(rows_ * stride_), Matrix::untouched);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        dense[static_cast<std::size_t>(i * stride_ + j)] = values.at(i, j);
      }
    }
    upload(exec_, std::span<float const>{dense}, memory_.data());
  }

  [[nodiscard]] MatrixView<float> view() { return {memory_.data(), rows_, cols_, stride_}; }

  /// What is in it; what lies between its rows is checked to be untouched.
  [[nodiscard]] Matrix values() const {
    std::vector<float> dense(static_cast<std::size_t>(rows_ * stride_));
    download(exec_, memory_.data(), std::span{dense});
    Matrix values{rows_, cols_};
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < stride_; ++j) {
        float const value = dense[static_cast<std::size_t>(i * stride_ + j)];
        if (j < cols_) {
          values.at(i, j) = value;
        } else {
          CHECK(value == Matrix::untouched);
        }
      }
    }
    return values;
  }

 private:
  ExecContext exec_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t stride_;
  Buffer<float> memory_;
};

}  // namespace talus::kernels
