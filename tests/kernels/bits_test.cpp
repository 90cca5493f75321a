// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <numeric>
#include <sstream>
#include <string>

#include "kernels/activation.hpp"
#include "kernels/attention.hpp"
#include "kernels/matmul.hpp"
#include "kernels/rms_norm.hpp"
#include "kernels/sampling.hpp"

#include "tests/kernels/kernels_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// Whether this build's kokkos multiplies and adds in one rounding: this file has its options.
#if defined(__FMA__) || defined(__aarch64__)
constexpr bool kokkos_is_fused = true;
#else
constexpr bool kokkos_is_fused = false;
#endif

/// Values in [-2, 2) that no library has a say in.
Matrix plain_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  std::mt19937 engine{seed};
  Matrix matrix{rows, cols};
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < cols; ++j) {
      auto const number = static_cast<std::int32_t>(engine() >> 8U) - (1 << 23);
      matrix.at(i, j) = static_cast<float>(number) * 0x1p-22F;
    }
  }
  return matrix;
}

/// FNV-1a over the words of all elements, the padding's too.
std::string hash_of(Matrix const& matrix) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (float const value : matrix.data) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001b3U;
  }
  std::ostringstream text;
  text << std::hex << hash;
  return text.str();
}

std::string product_bits(ExecContext const& exec, DType dtype) {
  Matrix const x = plain_matrix(7, 300, 1);
  Matrix y{x.rows, 70};
  matmul(exec, x.view(), pack(exec, plain_matrix(70, 300, 2), dtype), y.view());
  return hash_of(y);
}

std::string norm_bits(ExecContext const& exec) {
  Matrix const x = plain_matrix(5, 300, 3);
  Matrix y{x.rows, x.cols};
  std::vector<float> weight = plain_matrix(1, x.cols, 4).data;
  weight.resize(300);
  rms_norm(exec, x.view(), weight, 1e-6F, y.view());
  return hash_of(y);
}

std::string activation_bits(ExecContext const& exec, ActivationKind kind) {
  Matrix const x = plain_matrix(5, 200, 5);
  Matrix y{x.rows, 100};
  activate(exec, {.kind = kind}, x.view(), y.view());
  return hash_of(y);
}

/// 100 tokens at once: four heads, two of keys and values.
std::string attention_bits(ExecContext const& exec) {
  constexpr std::int64_t tokens = 100;
  KvShape const shape{.num_heads = 2, .key_dim = 32, .value_dim = 32};
  KvCache cache{exec, shape, 7, 16};
  std::array<std::int32_t, 7> table{};
  std::iota(table.begin(), table.end(), 0);
  std::array<std::int32_t, 2> const first_row{0, tokens};
  std::array<std::int32_t, 1> const context{0};
  PagedBatch const batch{first_row, context, table, std::ssize(table)};
  Matrix const q = plain_matrix(tokens, 128, 6);
  Matrix const keys = plain_matrix(tokens, 64, 7);
  Matrix const values = plain_matrix(tokens, 64, 8);
  Matrix out{tokens, 128};
  store_kv(exec, batch, keys.view(), values.view(), cache);
  paged_attention(exec,
                  batch,
                  {.num_heads = 4, .heads_per_kv_head = 2, .scale = 0.25F},
                  q.view(),
                  cache,
                  out.view());
  return hash_of(out);
}

std::string summary_bits(ExecContext const& exec) {
  Matrix const logits = plain_matrix(3, 1000, 9);
  Matrix maxima{3, num_logit_blocks(1000)};
  Matrix sums = maxima;
  std::array const temperatures{1.0F, 0.7F, 1.5F};
  summarize_logits(exec, logits.view(), temperatures, {maxima.view(), sums.view()});
  return hash_of(sums);
}

}  // namespace

TEST_CASE("vector kernels that fuse have the same bits on every processor, by every compiler") {
  ExecContext const exec = fast_backend();
  if (multiplies_pairs(exec.backend) || (exec.backend == Backend::kokkos && !kokkos_is_fused)) {
    SKIP("sums in an order of its own, or rounds twice");
  }
  INFO(name_of(exec.backend));

  CHECK(product_bits(exec, DType::f32) == "65ac4f4b51aba1ec");
  CHECK(product_bits(exec, DType::bf16) == "86e0bbf7244b58ec");
  CHECK(norm_bits(exec) == "ad8d14ce7a223be");
  CHECK(activation_bits(exec, ActivationKind::silu) == "187d078eba7c8c8d");
  CHECK(activation_bits(exec, ActivationKind::gelu_tanh) == "81e996aafc9c1b59");
  CHECK(attention_bits(exec) == "2b755118db2c37ee");
  CHECK(summary_bits(exec) == "8870872ff80eabf8");
}

TEST_CASE("the reference has the same bits on every processor, by every compiler") {
  // Where it calls no function of the C library, which are as exact as each library likes.
  CHECK(product_bits(on_reference, DType::f32) == "7487d695c6264561");
  CHECK(product_bits(on_reference, DType::bf16) == "ada2610f420decb5");
  CHECK(norm_bits(on_reference) == "f2aaaf8d93e2e92b");
}
