// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "kernels/biased_matmul.hpp"
#include "kernels/matmul.hpp"
#include "kernels/targets.hpp"
#include "runtime/base/sum_tree.hpp"

#include "tests/kernels/block/library_support.hpp"

// --gpu-matmul cublaslt on an emulated device, whose memory only operations can touch; the library
// is a stand-in.

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

constexpr float tolerance = 1e-5F;

Matrix reference_product(Matrix const& x, Matrix const& w, std::span<float const> bias) {
  Matrix y{x.rows, w.rows};
  biased_matmul(on_reference, x.view(), pack(on_reference, w, DType::bf16), bias, y.view());
  return y;
}

std::vector<float> bias_of(std::int64_t size) {
  std::vector<float> bias(static_cast<std::size_t>(size));
  for (std::size_t o = 0; o < bias.size(); ++o) {
    bias[o] = 0.25F * static_cast<float>(o) - 3.0F;
  }
  return bias;
}

}  // namespace

TEST_CASE("products and biased ones of the library are the reference's, but for rounding") {
  Machine const machine;
  std::int64_t num_products = 0;
  auto const before = counts();
  for (std::int64_t const rows : {1, 2, 17}) {
    for (std::int64_t const out : {1, 16, 37}) {
      for (std::int64_t const in : {1, 8, 100}) {
        Matrix const x = random_bf16_matrix(rows, in, 1);
        Matrix const w = random_matrix(out, in, 2);
        DeviceMatrix device_x{machine.exec, x};
        DeviceMatrix y{machine.exec, Matrix{rows, out}};
        PackedWeights const packed = pack(machine.exec, w, DType::bf16);
        std::vector<float> const bias = bias_of(out);

        matmul(machine.exec, as_const(device_x.view()), packed, y.view());
        Matrix const plain = y.values();
        biased_matmul(machine.exec, as_const(device_x.view()), packed, bias, y.view());
        Matrix const biased = y.values();

        INFO("rows " << rows << ", out " << out << ", in " << in);
        REQUIRE(difference(plain, reference_product(x, w, {})) < tolerance);
        REQUIRE(difference(biased, reference_product(x, w, bias)) < tolerance);
        num_products += 2;
      }
    }
  }
  CHECK(counts().products - before.products == num_products);
  CHECK(counts().biases - before.biases == num_products / 2);
}

TEST_CASE("an input is rounded to bfloat16 before the library gets it") {
  Machine const machine;
  Matrix const x = random_matrix(5, 24, 3);  // no numbers of bfloat16
  Matrix rounded = x;
  for (float& value : rounded.data) {
    value = bf16_to_float(float_to_bf16(value));
  }
  Matrix const w = random_matrix(7, 24, 4);
  DeviceMatrix device_x{machine.exec, x};
  DeviceMatrix y{machine.exec, Matrix{5, 7}};

  matmul(machine.exec, as_const(device_x.view()), pack(machine.exec, w, DType::bf16), y.view());

  CHECK(difference(y.values(), reference_product(rounded, w, {})) < tolerance);
}

TEST_CASE("leaves are one product of the library, which is the first node's") {
  Machine const machine;
  SumTree const tree{6};
  LeafRange const run{1, 6};  // of three nodes
  std::vector<std::int32_t> const cuts{0, 8, 16, 24, 32, 40};
  Matrix const x = random_bf16_matrix(3, 40, 5);
  Matrix const w = random_matrix(9, 40, 6);
  std::size_t const num_nodes = tree.nodes_of(run).size();
  REQUIRE(num_nodes > 1);
  DeviceMatrix device_x{machine.exec, x};
  std::vector<std::unique_ptr<DeviceMatrix>> partials;
  std::vector<MatrixView<float>> views;
  for (std::size_t n = 0; n < num_nodes; ++n) {
    partials.push_back(std::make_unique<DeviceMatrix>(machine.exec, random_matrix(3, 9, 7)));
    views.push_back(partials.back()->view());
  }
  auto const before = counts();

  matmul_leaves(machine.exec,
                as_const(device_x.view()),
                pack(machine.exec, w, DType::bf16),
                {&tree, run, cuts},
                views);

  CHECK(counts().products - before.products == 1);
  CHECK(difference(partials.front()->values(), reference_product(x, w, {})) < tolerance);
  for (std::size_t n = 1; n < num_nodes; ++n) {
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 9; ++j) {
        CHECK(partials[n]->values().at(i, j) == 0.0F);
      }
    }
  }
}

TEST_CASE("what the library isn't for stays with our kernels: float32, nothing, and the default") {
  auto const before = counts();
  Machine const machine;
  auto const own = make_device(Backend::cuda, {});
  ExecContext const on_own{.backend = Backend::cuda, .device = own.get()};
  Matrix const w = random_matrix(7, 24, 4);
  std::vector<float> const bias = bias_of(7);
  for (auto const& [exec, dtype, rows] : {std::tuple{machine.exec, DType::f32, std::int64_t{5}},
                                          std::tuple{machine.exec, DType::bf16, std::int64_t{0}},
                                          std::tuple{on_own, DType::bf16, std::int64_t{5}}}) {
    Matrix const x = random_bf16_matrix(rows, 24, 3);
    DeviceMatrix device_x{exec, x};
    DeviceMatrix y{exec, Matrix{rows, 7}};
    biased_matmul(exec, as_const(device_x.view()), pack(exec, w, dtype), bias, y.view());
    Matrix wanted{rows, 7};
    biased_matmul(on_reference, x.view(), pack(on_reference, w, dtype), bias, wanted.view());
    CHECK(difference(y.values(), wanted) < tolerance);
  }
  CHECK(counts().products == before.products);
}
