// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/cuda/operation_outputs.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "tests/kernels/cuda/heap_memory.hpp"
#include "tests/kernels/kernels_support.hpp"

using namespace talus;                 // NOLINT: tests only
using namespace talus::kernels;        // NOLINT: tests only
using namespace talus::kernels::cuda;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

TEST_CASE("results of an operation are kept, put back and compared, padding included") {
  Matrix const x = random_matrix(3, 5, 1);
  Matrix y = random_matrix(3, 5, 2);
  std::vector<std::int32_t> ids = {1, 2};
  MatrixView<float const> const in = x.view();
  MatrixView<float> const out = y.view();
  std::span<std::int32_t> const chosen = ids;
  OperationOutputs const outputs{in, out, chosen};
  auto const before = outputs.contents();
  REQUIRE(before.size() == 2);
  CHECK(outputs.difference(before).empty());

  y.at(1, 6) = 1.0F;  // between rows
  CHECK_THAT(outputs.difference(before), ContainsSubstring("output 0"));
  outputs.put_back(before);
  CHECK(y.at(1, 6) == Matrix::untouched);

  ids[1] = 3;
  CHECK_THAT(outputs.difference(before), ContainsSubstring("output 1, from byte 4"));
  outputs.put_back(before);
  CHECK(outputs.difference(before).empty());
}

TEST_CASE("what is no number has any bits, and is no number") {
  Matrix y = random_matrix(2, 4, 3);
  std::vector<std::int32_t> ids = {std::bit_cast<std::int32_t>(0x7FC00000U)};
  MatrixView<float> const out = y.view();
  std::span<std::int32_t> const chosen = ids;
  OperationOutputs const outputs{out, chosen};
  y.at(0, 1) = std::bit_cast<float>(0x7FC00000U);
  y.at(1, 2) = 0.0F;
  auto const wanted = outputs.contents();

  y.at(0, 1) = std::bit_cast<float>(0xFFFFFFFFU);
  CHECK(outputs.difference(wanted).empty());
  y.at(1, 2) = -0.0F;
  CHECK_THAT(outputs.difference(wanted), ContainsSubstring("output 0"));
  outputs.put_back(wanted);
  y.at(0, 1) = 1.0F;
  CHECK_THAT(outputs.difference(wanted), ContainsSubstring("by inf of the greatest"));
  outputs.put_back(wanted);
  ids[0] = std::bit_cast<std::int32_t>(0xFFFFFFFFU);
  CHECK_THAT(outputs.difference(wanted), ContainsSubstring("output 1"));
}

TEST_CASE("where tensor cores multiply, bits may differ, and no more than these") {
  bool const is_exact = GENERATE(true, false);
  bool const are_codes = GENERATE(true, false);
  QuantKind const kind = is_exact ? QuantKind::int8 : QuantKind::fp8_e4m3;
  PackedWeights const w =
      are_codes ? PackedWeights{on_kokkos, 4, 32, {{kind, 0, false, 1}, DType::f32, 0}}
                : PackedWeights{on_reference, 4, 32, is_exact ? DType::f32 : DType::bf16};
  Matrix y = random_matrix(2, 4, 3);
  MatrixView<float> const out = y.view();
  OperationOutputs const outputs{w, out};
  auto const wanted = outputs.contents();

  y.at(1, 2) = std::nextafter(y.at(1, 2), 10.0F);
  CHECK(outputs.difference(wanted).empty() == !is_exact);
  y.at(1, 2) += 0.01F;
  CHECK_THAT(outputs.difference(wanted), ContainsSubstring("of the greatest"));
  outputs.put_back(wanted);
  y.at(0, 0) = NAN;
  CHECK_FALSE(outputs.difference(wanted).empty());
}

TEST_CASE("a difference is a part of a row's greatest value, and none is allowed between rows") {
  PackedWeights const w{on_reference, 4, 32, DType::bf16};
  Matrix y = random_matrix(2, 4, 3);
  y.at(0, 3) = 64.0F;
  y.at(1, 0) = 0.001F;
  MatrixView<float> const out = y.view();
  OperationOutputs const outputs{w, out};
  auto const wanted = outputs.contents();

  y.at(1, 0) = 0.0015F;  // 8e-6 of 64
  CHECK(outputs.difference(wanted).empty());
  y.at(1, 0) = 0.0017F;
  CHECK_FALSE(outputs.difference(wanted).empty());
  outputs.put_back(wanted);
  y.at(0, 4) = std::nextafter(Matrix::untouched, 0.0F);
  CHECK_THAT(outputs.difference(wanted), ContainsSubstring("by inf"));
}

TEST_CASE(
    "attention over a cache of few bits may differ by a weight's rounding, and no cache may") {
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8);
  std::int64_t const head_dim = GENERATE(16, 12);  // 12: no tiles are made of such heads
  KvCache cache{on_reference, {1, head_dim, head_dim, false, dtype}, 1, 16};
  Matrix y = random_matrix(2, 4, 3);
  y.at(1, 2) = 1.0F;
  MatrixView<float> const out = y.view();
  OperationOutputs const read{std::as_const(cache), out};
  OperationOutputs const written{cache, out};
  auto const wanted = read.contents();
  auto const stored = written.contents();
  CHECK(wanted.size() == 1);

  y.at(1, 2) += 0.003F;
  CHECK(read.difference(wanted).empty() == (dtype != DType::f32 && head_dim == 16));
  CHECK_FALSE(written.difference(stored).empty());
  y.at(1, 2) += 0.003F;
  CHECK_FALSE(read.difference(wanted).empty());
  written.put_back(stored);
  cache.data()[1] = std::byte{1};
  CHECK_THAT(written.difference(stored), ContainsSubstring("output 0, from byte 1"));
}

TEST_CASE("what a program allocates comes from a heap that can be registered") {
  HeapRange const heap = grow_heap();

  std::vector<float> const small(10);
  std::vector<float> const large(std::size_t{10} << 20U);
  Buffer<float> const aligned{on_reference, std::int64_t{1} << 20};

  CHECK(heap.has(small.data()));
  CHECK(heap.has(large.data()));
  CHECK(heap.has(&large.back()));
  CHECK(heap.has(aligned.data()));
}

TEST_CASE("what a card doesn't reach is refused before it is tried") {
  HeapRange const heap = grow_heap();
  std::vector<float> const values(10);
  std::array<float, 10> const on_stack{};

  CHECK_NOTHROW(require_heap(heap, std::as_bytes(std::span{values})));
  CHECK_NOTHROW(require_heap(heap, {}));
  CHECK_THROWS_WITH(require_heap(heap, std::as_bytes(std::span{on_stack})),
                    ContainsSubstring("isn't of the heap"));
  CHECK_THROWS_WITH(require_heap({heap.first, heap.last - 4096}, std::as_bytes(std::span{values})),
                    ContainsSubstring("has grown"));
}

TEST_CASE("what an operation reads and writes is known") {
  Matrix const x = random_matrix(3, 5, 1);
  Matrix y = random_matrix(3, 5, 2);
  MatrixView<float const> const in = x.view();
  MatrixView<float> const out = y.view();
  MatrixView<float> const none{};
  OperationOutputs const outputs{in, out, none};

  auto const memory = outputs.memory();
  REQUIRE(memory.size() == 2);
  CHECK(static_cast<void const*>(memory[0].data()) == in.data);
  CHECK(static_cast<void const*>(memory[1].data()) == out.data);
  CHECK(static_cast<void const*>(&memory[1].back() + 1) == out.data + 2 * out.row_stride + 5);
}
