// SPDX-License-Identifier: Apache-2.0
#include "kernels/kv_cache.hpp"

#include <cstring>

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// Two sequences, of which one begins inside a block and ends in another; the blocks shuffled.
struct Step {
  std::vector<std::int32_t> first_row = {0, 20, 21};
  std::vector<std::int32_t> context = {13, 0};
  std::vector<std::int32_t> tables = {4, 1, 3, 2, -1, -1};

  [[nodiscard]] PagedBatch batch() const { return {first_row, context, tables, 3}; }
};

/// All bytes of a cache after the step.
std::vector<std::byte> stored(ExecContext const& exec,
                              KvShape const& shape,
                              Matrix const& keys,
                              Matrix const& values) {
  KvCache cache{exec, shape, 5, 16};
  store_kv(exec, Step{}.batch(), keys.view(), values.view(), cache);
  auto const bytes = static_cast<std::size_t>(5 * 16 * shape.token_bytes());
  return {cache.data(), cache.data() + bytes};
}

}  // namespace

TEST_CASE("store_kv leaves the reference's bytes, by every schedule") {
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
  KvShape shape =
      GENERATE(KvShape{.num_heads = 1, .key_dim = 4, .value_dim = 1},
               KvShape{.num_heads = 5, .key_dim = 32, .value_dim = 33},
               KvShape{.num_heads = 3, .key_dim = 128, .value_dim = 96},
               KvShape{.num_heads = 1, .key_dim = 72, .value_dim = 64, .value_in_key = true},
               KvShape{.num_heads = 1, .key_dim = 40, .value_dim = 40, .value_in_key = true});
  shape.dtype = dtype;
  Matrix keys = random_matrix(21, shape.num_heads * shape.key_dim, 1);
  Matrix values = random_matrix(21, shape.value_in_key ? 1 : shape.num_heads * shape.value_dim, 2);
  keys.at(3, 1) = 0x1p-130F;
  for (std::int64_t j = 0; j < shape.key_dim; ++j) {
    keys.at(4, j) = 0.0F;
    keys.at(5, j) *= 1e30F;
  }
  keys.at(6, 0) = -NAN;
  values.at(7, 0) = INFINITY;

  auto const run = [&] { return stored(on_cuda, shape, keys, values); };

  std::vector<std::byte> const found = run();
  CHECK(found == stored(on_reference, shape, keys, values));
  check_schedules(found, run);
}
