// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention_inputs.hpp"

#include <cstddef>

#include "kernels/copy_heads.hpp"
#include "kernels/elementwise.hpp"
#include "kernels/rms_norm.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/kernels_support.hpp"
#include "tests/kernels/padded.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::int64_t block_tokens = 16;
constexpr std::int64_t max_positions = 48;
constexpr float epsilon = 1e-5F;

/// A prompt that begins inside a block and ends in another, and a decoded row; or decoded rows
/// only.
struct Step {
  std::vector<std::int32_t> first_row;
  std::vector<std::int32_t> context;
  std::vector<std::int32_t> tables;
  std::vector<std::int32_t> positions;

  [[nodiscard]] PagedBatch batch() const { return {first_row, context, tables, 3}; }

  [[nodiscard]] std::int64_t rows() const { return std::ssize(positions); }
};

Step any_step() {
  return GENERATE(Step{{0, 4, 5}, {14, 0}, {4, 1, 3, 2, -1, -1}, {14, 15, 16, 17, 0}},
                  Step{{0, 1, 2, 3}, {0, 17, 47}, {3, -1, -1, 4, 0, -1, 2, 5, 1}, {0, 17, 47}},
                  Step{{0}, {}, {}, {}});
}

/// Angles of no meaning; those of queries are others than those of keys.
struct Tables {
  std::vector<float> query_cosines;
  std::vector<float> query_sines;
  std::vector<float> key_cosines;
  std::vector<float> key_sines;

  explicit Tables(std::int64_t rotary_dim)
      : query_cosines{random_vector(max_positions * rotary_dim / 2, 21)},
        query_sines{random_vector(max_positions * rotary_dim / 2, 22)},
        key_cosines{random_vector(max_positions * rotary_dim / 2, 23)},
        key_sines{random_vector(max_positions * rotary_dim / 2, 24)} {}

  [[nodiscard]] HeadRotation rotation(Step const& step,
                                      std::int64_t rotary_dim,
                                      RopePairs pairs) const {
    return {
        step.positions, {query_cosines, query_sines}, {key_cosines, key_sines}, rotary_dim, pairs};
  }
};

std::vector<std::byte> bytes_of(KvCache const& cache) {
  std::int64_t const bytes = cache.num_blocks() * block_tokens * cache.shape().token_bytes();
  return {cache.data(), cache.data() + bytes};
}

void run_parts(ExecContext const& exec,
               HeadInputs const& inputs,
               Step const& step,
               Padded& qkv,
               KvCache& cache) {
  std::int64_t const dim = inputs.head_dim;
  MatrixView<float> const q = columns_of(qkv.view(), 0, inputs.num_heads * dim);
  MatrixView<float> const k = columns_of(qkv.view(), q.cols, inputs.num_kv_heads * dim);
  MatrixView<float> const v = columns_of(qkv.view(), q.cols + k.cols, k.cols);
  if (!inputs.bias.empty()) {
    add_bias(exec, inputs.bias, qkv.view());
  }
  if (!inputs.q_norm.empty()) {
    rms_norm(exec, as_const(q), inputs.q_norm, inputs.epsilon, q);
    rms_norm(exec, as_const(k), inputs.k_norm, inputs.epsilon, k);
  }
  HeadRotation const& rotation = inputs.rotation;
  if (rotation.rotary_dim > 0) {
    RopeLayout layout{.num_heads = inputs.num_heads,
                      .head_stride = dim,
                      .rotary_dim = rotation.rotary_dim,
                      .pairs = rotation.pairs};
    rope(exec, q, step.positions, rotation.queries, layout);
    layout.num_heads = inputs.num_kv_heads;
    rope(exec, k, step.positions, rotation.keys, layout);
  }
  store_kv(exec, step.batch(), as_const(k), as_const(v), cache);
}

/// That prepare_heads gives the queries and the cache that its parts give.
void check_heads(ExecContext const& exec,
                 HeadInputs const& inputs,
                 Step const& step,
                 DType dtype,
                 std::int64_t padding) {
  std::int64_t const dim = inputs.head_dim;
  std::int64_t const cols = (inputs.num_heads + 2 * inputs.num_kv_heads) * dim;
  KvShape const shape{
      .num_heads = inputs.num_kv_heads, .key_dim = dim, .value_dim = dim, .dtype = dtype};
  KvCache cache{exec, shape, 6, block_tokens};
  KvCache wanted_cache{exec, shape, 6, block_tokens};
  Padded qkv = random_padded(step.rows(), cols, padding, 1);
  Padded wanted = qkv;

  run_parts(exec, inputs, step, wanted, wanted_cache);
  prepare_heads(exec, inputs, step.batch(), qkv.view(), cache);

  CHECK(bytes_of(cache) == bytes_of(wanted_cache));
  std::int64_t const q_cols = inputs.num_heads * dim;
  for (Padded* const rows : {&qkv, &wanted}) {  // keys and values are anything
    for (std::int64_t t = 0; t < rows->rows; ++t) {
      float* const row = rows->view().data + t * rows->stride;
      std::fill(row + q_cols, row + cols, 0.0F);
    }
  }
  CHECK(qkv == wanted);
}

struct LatentShape {
  std::int64_t num_heads;
  std::int64_t head_dim;
  std::int64_t rank;
  std::int64_t rotary_dim;
};

void run_parts(ExecContext const& exec,
               LatentInputs const& inputs,
               LatentShape const& shape,
               Step const& step,
               LatentRows const& rows,
               KvCache& cache) {
  std::int64_t const key_dim = shape.rank + shape.rotary_dim;
  std::int64_t const offset = shape.head_dim - shape.rotary_dim;
  HeadRotation const& rotation = inputs.rotation;
  MatrixView<float> const latent = columns_of(rows.latent, 0, shape.rank);
  rms_norm(exec, as_const(latent), inputs.norm, inputs.epsilon, latent);
  RopeLayout layout{1, key_dim, shape.rank, shape.rotary_dim, rotation.pairs};
  rope(exec, rows.latent, step.positions, rotation.keys, layout);
  store_kv(exec, step.batch(), as_const(rows.latent), {}, cache);
  layout = {shape.num_heads, shape.head_dim, offset, shape.rotary_dim, rotation.pairs};
  rope(exec, rows.q, step.positions, rotation.queries, layout);
  copy_heads(exec,
             {shape.num_heads, shape.rotary_dim, shape.head_dim, offset, key_dim, shape.rank},
             as_const(rows.q),
             rows.absorbed);
}

}  // namespace

TEST_CASE("prepare_heads has the bits of its parts, whatever the heads") {
  ExecContext const exec = any_backend();
  Step const step = any_step();
  std::int64_t const dim = GENERATE(2, 4, 6, 30, 64, 128, 132, 256);
  std::int64_t const kv_heads = GENERATE(1, 3);
  std::int64_t const padding = GENERATE(3, 4);
  std::int64_t const rotary_dim = dim < 8 ? 2 : dim / 4 * 2;
  Tables const tables{rotary_dim};
  std::vector<float> const bias = random_vector(5 * kv_heads * dim, 31);
  std::vector<float> const q_norm = random_vector(dim, 32);
  std::vector<float> const k_norm = random_vector(dim, 33);
  HeadInputs inputs{.num_heads = 3 * kv_heads, .num_kv_heads = kv_heads, .head_dim = dim};
  INFO(name_of(exec.backend) << ": heads of " << dim);

  check_heads(exec, inputs, step, DType::f32, padding);
  inputs.bias = bias;
  check_heads(exec, inputs, step, DType::f32, padding);
  inputs.rotation = tables.rotation(step, rotary_dim, RopePairs::neighbours);
  check_heads(exec, inputs, step, DType::bf16, padding);
  inputs.q_norm = q_norm;
  inputs.k_norm = k_norm;
  inputs.epsilon = epsilon;
  check_heads(exec, inputs, step, DType::f32, padding);
  inputs.bias = {};
  inputs.rotation.pairs = RopePairs::halves;
  check_heads(exec, inputs, step, DType::f32, padding);
}

TEST_CASE("prepare_heads stores every kind of element") {
  ExecContext const exec = any_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
  std::int64_t const dim = GENERATE(4, 36, 128);
  Step const step = any_step();
  Tables const tables{dim};
  HeadInputs const inputs{.num_heads = 2,
                          .num_kv_heads = 2,
                          .head_dim = dim,
                          .rotation = tables.rotation(step, dim, RopePairs::halves)};
  check_heads(exec, inputs, step, dtype, 4);
}

TEST_CASE("prepare_heads of heads that no warp normalises is its parts") {
  ExecContext const exec = any_backend();
  std::int64_t const dim = GENERATE(1024, 1026);
  Step const step{{0, 1}, {3}, {1, 0, 0}, {3}};
  Tables const tables{dim};
  std::vector<float> const norm = random_vector(dim, 32);
  HeadInputs const inputs{.num_heads = 1,
                          .num_kv_heads = 1,
                          .head_dim = dim,
                          .q_norm = norm,
                          .k_norm = norm,
                          .epsilon = epsilon,
                          .rotation = tables.rotation(step, dim, RopePairs::halves)};
  check_heads(exec, inputs, step, DType::f32, 4);
}

TEST_CASE("prepare_latent has the bits of its parts") {
  ExecContext const exec = any_backend();
  Step const step = any_step();
  LatentShape const shape = GENERATE(LatentShape{1, 6, 3, 4},
                                     LatentShape{7, 24, 30, 8},
                                     LatentShape{8, 64, 130, 64},
                                     LatentShape{16, 192, 512, 64});
  RopePairs const pairs = GENERATE(RopePairs::halves, RopePairs::neighbours);
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
  std::int64_t const padding = GENERATE(3, 4);
  std::int64_t const key_dim = shape.rank + shape.rotary_dim;
  KvShape const kv{1, key_dim, shape.rank, true, dtype};
  KvCache cache{exec, kv, 6, block_tokens};
  KvCache wanted_cache{exec, kv, 6, block_tokens};
  Tables const tables{shape.rotary_dim};
  std::vector<float> const norm = random_vector(shape.rank, 32);
  LatentInputs const inputs{shape.num_heads,
                            shape.head_dim,
                            norm,
                            epsilon,
                            tables.rotation(step, shape.rotary_dim, pairs)};
  Padded latent = random_padded(step.rows(), key_dim, padding, 1);
  Padded q = random_padded(step.rows(), shape.num_heads * shape.head_dim, padding, 2);
  Padded absorbed = random_padded(step.rows(), shape.num_heads * key_dim, padding, 3);
  Padded latent_of_parts = latent;
  Padded q_of_parts = q;
  Padded wanted = absorbed;

  run_parts(exec,
            inputs,
            shape,
            step,
            {latent_of_parts.view(), q_of_parts.view(), wanted.view()},
            wanted_cache);
  prepare_latent(exec, inputs, step.batch(), {latent.view(), q.view(), absorbed.view()}, cache);

  CHECK(bytes_of(cache) == bytes_of(wanted_cache));
  CHECK(absorbed == wanted);
}

TEST_CASE("prepare_heads and prepare_latent refuse what doesn't fit") {
  ExecContext const exec = any_backend();
  Step const step{{0, 1}, {3}, {1, 0, 0}, {3}};
  Tables const tables{4};
  std::vector<float> const norm(8, 1.0F);
  std::vector<float> const few(7, 1.0F);
  Matrix qkv{1, 32};
  KvCache cache{exec, {1, 8, 8, false, DType::f32}, 3, block_tokens};
  HeadInputs const good{.num_heads = 2,
                        .num_kv_heads = 1,
                        .head_dim = 8,
                        .q_norm = norm,
                        .k_norm = norm,
                        .epsilon = epsilon,
                        .rotation = tables.rotation(step, 4, RopePairs::halves)};
  auto const refuses = [&](auto const& change) {
    HeadInputs inputs = good;
    change(inputs);
    CHECK_THROWS_AS(prepare_heads(exec, inputs, step.batch(), qkv.view(), cache), ConfigError);
  };
  CHECK_NOTHROW(prepare_heads(exec, good, step.batch(), qkv.view(), cache));
  refuses([](HeadInputs& inputs) { inputs.num_heads = 3; });
  refuses([](HeadInputs& inputs) { inputs.num_kv_heads = 2; });
  refuses([&](HeadInputs& inputs) { inputs.bias = norm; });
  refuses([&](HeadInputs& inputs) { inputs.k_norm = few; });
  refuses([](HeadInputs& inputs) { inputs.q_norm = {}; });
  refuses([](HeadInputs& inputs) { inputs.epsilon = 0.0F; });
  refuses([](HeadInputs& inputs) { inputs.rotation.rotary_dim = 3; });
  refuses([](HeadInputs& inputs) { inputs.rotation.rotary_dim = 10; });
  refuses([](HeadInputs& inputs) { inputs.rotation.positions = {}; });
  refuses([](HeadInputs& inputs) { inputs.rotation.keys.sines = {}; });

  KvCache latents{exec, {1, 12, 8, true, DType::f32}, 3, block_tokens};
  Matrix latent{1, 12};
  Matrix q{1, 16};
  Matrix absorbed{1, 24};
  LatentInputs const inputs{2, 8, norm, epsilon, good.rotation};
  LatentRows const rows{latent.view(), q.view(), absorbed.view()};
  CHECK_NOTHROW(prepare_latent(exec, inputs, step.batch(), rows, latents));
  CHECK_THROWS_AS(prepare_latent(exec, inputs, step.batch(), rows, cache), ConfigError);
  LatentInputs narrow = inputs;
  narrow.norm = few;
  CHECK_THROWS_AS(prepare_latent(exec, narrow, step.batch(), rows, latents), ConfigError);
  LatentRows short_rows = rows;
  short_rows.absorbed.cols = 23;
  CHECK_THROWS_AS(prepare_latent(exec, inputs, step.batch(), short_rows, latents), ConfigError);
}
