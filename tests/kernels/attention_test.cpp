// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/threads/thread_team.hpp"
#include "runtime/base/error.hpp"

#include "tests/kernels/attention_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// Grouped-query attention, of all heads and of a third of them; multi-head; latent; odd sizes.
/// Each again with a window, a cap and sinks.
std::vector<Model> models() {
  std::vector<Model> all;
  static std::vector<float> const sinks = {0.5F, -1.0F, 3.0F, 0.0F, 1.0F, -2.0F, 0.25F, 4.0F};
  for (DType const dtype : {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3}) {
    all.push_back({{2, 64, 64, false, dtype}, {8, 0, 4, 0, 0.125F}});
    all.push_back({{3, 96, 80, false, dtype}, {9, 0, 3, 0, 0.1F}});
    all.push_back({{2, 16, 16, false, dtype}, {4, 4, 3, 1, 0.25F}});  // heads 4 ... 7 of 12
    all.push_back({{3, 20, 13, false, dtype}, {3, 0, 1, 0, 0.3F}});
    all.push_back({{1, 40, 24, true, dtype}, {5, 5, 20, 0, 0.2F}});
    all.push_back({{1, 576, 512, true, dtype}, {64, 64, 128, 0, 0.04F}});
    all.push_back({{2, 64, 64, false, dtype}, {8, 0, 4, 0, 0.125F, 37, 2.0F, sinks}});
    all.push_back({{3, 20, 13, false, dtype}, {3, 0, 1, 0, 0.3F, 128}});
    all.push_back({{1, 40, 24, true, dtype}, {5, 5, 20, 0, 0.2F, 1, 0.0F, {sinks.data(), 5}}});
    all.push_back({{2, 16, 16, false, dtype}, {8, 0, 4, 0, 0.5F, 0, 5.0F, sinks}});
  }
  return all;
}

}  // namespace

TEST_CASE("attention worked out by hand") {
  ExecContext const exec = any_backend();
  Model const model{{1, 1, 1, false, DType::f32}, {1, 0, 1, 0, 2.0F}};
  Sequence sequence = model.sequence(2, 1);
  sequence.q.at(0, 0) = 7.0F;
  sequence.q.at(1, 0) = 0.5F;
  sequence.keys.at(0, 0) = 0.0F;
  sequence.keys.at(1, 0) = std::log(3.0F);  // a score of log 3: a weight of 3/4
  sequence.values.at(0, 0) = 4.0F;
  sequence.values.at(1, 0) = 8.0F;

  std::vector<Matrix> const out = attend(exec, model, {sequence}, {});

  CHECK(out[0].at(0, 0) == 4.0F);
  CHECK(out[0].at(1, 0) == Catch::Approx(7.0F));
}

TEST_CASE("a window, a cap and a sink worked out by hand") {
  ExecContext const exec = any_backend();
  std::vector<float> const sink = {std::log(2.0F)};
  Model const model{{1, 1, 1, false, DType::f32}, {1, 0, 1, 0, 1.0F, 2, 1.0F, sink}};
  Sequence sequence = model.sequence(3, 1);
  for (std::int64_t p = 0; p < 3; ++p) {
    sequence.q.at(p, 0) = 1.0F;
  }
  sequence.keys.at(0, 0) = 50.0F;
  sequence.keys.at(1, 0) = 0.0F;
  sequence.keys.at(2, 0) = std::atanh(std::log(2.0F));  // capped to log 2
  sequence.values.at(0, 0) = 1000.0F;
  sequence.values.at(1, 0) = 5.0F;
  sequence.values.at(2, 0) = 10.0F;

  std::vector<Matrix> const out = attend(exec, model, {sequence}, {});

  // Position 2 sees 1 and 2 with powers 1 and 2, and the sink takes another 2.
  CHECK(out[0].at(2, 0) == Catch::Approx((5.0 + 2.0 * 10.0) / 5.0));
  CHECK(out[0].at(0, 0) == Catch::Approx(1000.0 * std::exp(1.0) / (std::exp(1.0) + 2.0)));
}

TEST_CASE("blocks before the window are not read") {
  ExecContext const fast = fast_backend();
  Model const model{{1, 8, 8, false, DType::f32}, {2, 0, 2, 0, 1.0F, 20}};
  Sequence const sequence = model.sequence(100, 1);
  Matrix const wanted = attend(fast, model, {sequence}, {}).front();
  KvCache cache{fast, model.shape, 8, 16};
  std::vector<std::int32_t> const first_row = {0, 1};
  Matrix out{1, 16};
  for (std::int32_t p = 0; p < 100; ++p) {
    // Blocks that fell out of the window are gone from the table.
    std::vector<std::int32_t> table(7, 1 << 30);
    for (std::int32_t block = std::max(0, p - 19) / 16; block <= p / 16; ++block) {
      table[static_cast<std::size_t>(block)] = block;
    }
    std::vector<std::int32_t> const context = {p};
    PagedBatch const batch{first_row, context, table, 7};
    store_kv(fast, batch, sequence.keys.part(p, 1), sequence.values.part(p, 1), cache);
    paged_attention(fast, batch, model.heads, sequence.q.part(p, 1), cache, out.view());
    for (std::int64_t j = 0; j < out.cols; ++j) {
      REQUIRE(out.at(0, j) == wanted.at(p, j));
    }
  }
}

TEST_CASE("attention agrees with the reference") {
  ExecContext const fast = fast_backend();
  for (Model const& model : models()) {
    std::int64_t const tokens = model.shape.key_dim > 100 ? 40 : 150;
    std::vector<Sequence> const sequences = {
        model.sequence(tokens, 1), model.sequence(1, 2), model.sequence(17, 3)};

    std::vector<Matrix> const out = attend(fast, model, sequences, {});

    std::vector<Matrix> const wanted = attend(on_reference, model, sequences, {});
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      INFO("key_dim " << model.shape.key_dim << ", sequence " << s);
      CHECK(difference(out[s], wanted[s]) < model.tolerance_on(fast.backend));
    }
  }
}

TEST_CASE("a cache of eight bits changes attention as little as its codes allow") {
  ExecContext const fast = fast_backend();
  for (Model model : models()) {
    if (!model.shape.has_scales()) {
      continue;
    }
    std::vector<Sequence> const sequences = {model.sequence(60, 1)};
    Matrix const found = attend(fast, model, sequences, {}).front();
    // Half a step of the greatest element: of 127 steps, or of a fraction of three bits.
    float const bound = model.shape.dtype == DType::i8 ? 0.02F : 0.1F;
    INFO(name_of(model.shape.dtype) << ", key_dim " << model.shape.key_dim);
    model.shape.dtype = DType::f32;
    Matrix const wanted = attend(fast, model, sequences, {}).front();
    CHECK(difference(found, wanted) > 1e-5F);
    CHECK(difference(found, wanted) < bound);
  }
}

TEST_CASE("rows of any size keep their precision in eight bits") {
  ExecContext const exec = any_backend();
  DType const dtype = GENERATE(DType::i8, DType::f8_e4m3);
  Model const model{{1, 8, 8, false, dtype}, {1, 0, 1, 0, 1.0F}};
  float const size = GENERATE(1e-25F, 1e-3F, 1.0F, 1e4F, 1e30F);
  Sequence sequence = model.sequence(1, 1);  // a lone position: the output is its value
  for (float& value : sequence.values.data) {
    value *= size;
  }

  Matrix const out = attend(exec, model, {sequence}, {}).front();

  for (std::int64_t j = 0; j < 8; ++j) {
    CHECK(std::abs(out.at(0, j) - sequence.values.at(0, j)) < 0.05F * size);
  }
}

TEST_CASE("rows of zeros stay zeros, and what isn't finite stays so") {
  ExecContext const exec = any_backend();
  DType const dtype = GENERATE(DType::i8, DType::f8_e4m3);
  Model const model{{1, 8, 8, false, dtype}, {1, 0, 1, 0, 1.0F}};
  Sequence sequence = model.sequence(2, 1);
  std::fill(sequence.values.data.begin(), sequence.values.data.end(), 0.0F);
  sequence.values.at(1, 3) = GENERATE(as<float>{}, NAN, INFINITY);

  Matrix const out = attend(exec, model, {sequence}, {.chunk = 1}).front();

  for (std::int64_t j = 0; j < 8; ++j) {
    CHECK(out.at(0, j) == 0.0F);
    CHECK_FALSE(std::isfinite(out.at(1, j)));
  }
}

TEST_CASE("attention has the same bits for any blocks, chunks and batch") {
  ExecContext const exec = any_backend();
  for (Model const& model : models()) {
    std::int64_t const tokens =
        exec.backend == Backend::reference || model.shape.key_dim > 100 ? 37 : 300;
    std::vector<Sequence> const sequences = {
        model.sequence(tokens, 1), model.sequence(20, 2), model.sequence(tokens / 2 + 3, 3)};
    std::vector<Matrix> const wanted = attend(exec, model, sequences, {});
    INFO(name_of(exec.backend) << ", key_dim " << model.shape.key_dim);

    CHECK(attend(exec, model, sequences, {.block_tokens = 32, .shuffle = 5}) == wanted);
    CHECK(attend(exec, model, sequences, {.block_tokens = 48, .shuffle = 6}) == wanted);
    CHECK(attend(exec, model, sequences, {.block_tokens = 128}) == wanted);
    CHECK(attend(exec, model, sequences, {.block_tokens = 48, .chunk = 1}) == wanted);
    CHECK(attend(exec, model, sequences, {.chunk = 7, .shuffle = 8}) == wanted);
    CHECK(attend(exec, model, {sequences[2]}, {.chunk = 33}).front() == wanted[2]);
    CHECK(attend(exec, model, {sequences[1], sequences[0]}, {.chunk = 64})[1] == wanted[0]);
  }
}

TEST_CASE("attention over a long context has the same bits on any number of threads") {
  ExecContext const fast = fast_backend();
  std::int64_t const positions = 5000;  // several segments, more than are merged at a time
  std::vector<Model> const few = {{{1, 64, 64, false, DType::bf16}, {8, 0, 8, 0, 0.125F}},
                                  {{1, 20, 13, false, DType::f32}, {2, 0, 2, 0, 0.3F, 2500}},
                                  {{1, 576, 512, true, DType::bf16}, {128, 0, 128, 0, 0.04F}}};
  for (Model const& model : few) {
    std::int64_t const tokens = model.shape.value_in_key ? 1 : 3;
    Model one = model;
    one.heads.num_heads = 1;  // few queries: only those of the last tokens are used
    Sequence const cached = one.sequence(positions, 1);
    Matrix const q = random_matrix(tokens, model.heads.num_heads * model.shape.key_dim, 7);
    std::vector<std::int32_t> table(static_cast<std::size_t>((positions + 15) / 16));
    std::iota(table.begin(), table.end(), 0);
    auto const run = [&](ExecContext const& exec) {
      KvCache cache{exec, model.shape, std::ssize(table), 16};
      std::vector<std::int32_t> const all = {0, static_cast<std::int32_t>(positions)};
      std::vector<std::int32_t> const last = {0, static_cast<std::int32_t>(tokens)};
      std::vector<std::int32_t> context = {0};
      store_kv(exec,
               {all, context, table, std::ssize(table)},
               cached.keys.view(),
               cached.values.view(),
               cache);
      context[0] = static_cast<std::int32_t>(positions - tokens);
      Matrix out{tokens, model.heads.num_heads * model.shape.value_dim};
      PagedBatch const batch{last, context, table, std::ssize(table)};
      paged_attention(exec, batch, model.heads, q.view(), cache, out.view());
      return out;
    };
    Matrix const alone = run({fast.backend, nullptr});
    INFO(name_of(fast.backend) << ", key_dim " << model.shape.key_dim);
    if (!model.shape.value_in_key) {
      CHECK(difference(alone, run(on_reference)) < model.tolerance_on(fast.backend));
    }
    for (int const threads : {1, 2, 3, 5}) {
      ThreadTeam team{{.num_threads = threads, .cores = {}, .spins = false}};
      CHECK(run({fast.backend, &team}) == alone);
    }
  }
}

TEST_CASE("a head has the same bits on a rank that owns a third of the heads") {
  ExecContext const fast = fast_backend();
  std::int64_t const heads = 12;  // and 4 KV heads, so that a third begins inside a group
  Model const whole{{4, 32, 32, false, DType::bf16}, {heads, 0, 3, 0, 0.2F}};
  Sequence const sequence = whole.sequence(70, 1);
  Matrix const wanted = attend(fast, whole, {sequence}, {}).front();

  for (std::int64_t rank = 0; rank < 3; ++rank) {
    std::int64_t const first_kv = rank * 4 / 3;
    std::int64_t const last_kv = (rank * 4 + 3) / 3;
    Model const part{{last_kv - first_kv + 1, 32, 32, false, DType::bf16},
                     {4, rank * 4, 3, first_kv, 0.2F}};
    Sequence own = part.sequence(70, 2);
    for (std::int64_t t = 0; t < 70; ++t) {
      for (std::int64_t j = 0; j < own.q.cols; ++j) {
        own.q.at(t, j) = sequence.q.at(t, rank * 4 * 32 + j);
      }
      for (std::int64_t j = 0; j < own.keys.cols; ++j) {
        own.keys.at(t, j) = sequence.keys.at(t, first_kv * 32 + j);
        own.values.at(t, j) = sequence.values.at(t, first_kv * 32 + j);
      }
    }
    Matrix const out = attend(fast, part, {own}, {.chunk = 9}).front();
    for (std::int64_t t = 0; t < 70; ++t) {
      for (std::int64_t j = 0; j < out.cols; ++j) {
        REQUIRE(out.at(t, j) == wanted.at(t, rank * 4 * 32 + j));
      }
    }
  }
}

TEST_CASE("what a block held before does not reach a sequence that gets it") {
  ExecContext const fast = fast_backend();
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
  Model const model{{1, 8, 8, false, dtype}, {1, 0, 1, 0, 1.0F}};
  KvCache cache{fast, model.shape, 1, 16};
  std::vector<std::int32_t> const table = {0};
  auto const step = [&](Sequence const& sequence) {
    auto const tokens = static_cast<std::int32_t>(sequence.q.rows);
    std::vector<std::int32_t> const first_row = {0, tokens};
    std::vector<std::int32_t> const context = {0};
    PagedBatch const batch{first_row, context, table, 1};
    Matrix out{tokens, 8};
    store_kv(fast, batch, sequence.keys.view(), sequence.values.view(), cache);
    paged_attention(fast, batch, model.heads, sequence.q.view(), cache, out.view());
    return out;
  };
  Sequence const sequence = model.sequence(3, 1);
  Matrix const wanted = step(sequence);
  Sequence poison = model.sequence(16, 2);
  std::fill(poison.keys.data.begin(), poison.keys.data.end(), NAN);
  std::fill(poison.values.data.begin(), poison.values.data.end(), NAN);
  step(poison);

  CHECK(step(sequence) == wanted);
}

TEST_CASE("an empty step does nothing") {
  ExecContext const exec = any_backend();
  KvCache cache{exec, {1, 8, 8, false, DType::f32}, 1, 16};
  Matrix out{0, 8};
  std::vector<std::int32_t> const first_row = {0};

  CHECK_NOTHROW(paged_attention(exec,
                                {first_row, {}, {}, 0},
                                {1, 0, 1, 0, 1.0F},
                                std::as_const(out).view(),
                                cache,
                                out.view()));
}

TEST_CASE("attention refuses blocks, heads and tables that do not fit") {
  ExecContext const exec = any_backend();
  KvShape const shape{1, 8, 8, false, DType::f32};
  KvCache cache{exec, shape, 2, 16};
  std::vector<std::int32_t> const first_row = {0, 1};
  std::vector<std::int32_t> const context = {16};
  std::vector<std::int32_t> const table = {0};
  Matrix const row{1, 8};
  Matrix out{1, 8};

  CHECK_THROWS_WITH((KvCache{exec, shape, 2, 24}), ContainsSubstring("block_tokens = 24"));
  CHECK_THROWS_WITH((KvCache{exec, {1, 6, 6, false, DType::i8}, 2, 16}),
                    ContainsSubstring("key_dim = 6 in int8 (must be a multiple of 4"));
  CHECK_THROWS_WITH((KvCache{exec, {1, 8, 8, false, DType::f16}, 2, 16}),
                    ContainsSubstring("stored as float16"));
  CHECK_THROWS_WITH(store_kv(exec, {first_row, context, table, 1}, row.view(), row.view(), cache),
                    ContainsSubstring("room in a block table = 16 (must be at least 17)"));
  std::vector<std::int32_t> const start = {0};
  CHECK_THROWS_WITH(
      paged_attention(
          exec, {first_row, start, table, 1}, {1, 1, 1, 0, 1.0F}, row.view(), cache, out.view()),
      ContainsSubstring("KV head"));
}
