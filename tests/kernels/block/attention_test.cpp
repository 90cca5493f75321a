// SPDX-License-Identifier: Apache-2.0
#include "kernels/attention.hpp"

#include "kernels/block/attention_launch.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/long_context.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

DType any_kv_dtype() {
  return GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
}

std::vector<float> const sinks = {0.5F, -1.0F, 3.0F, 0.0F, 1.0F, -2.0F, 0.25F, 4.0F};

/// Small ones of every kind: grouped-query attention, of all heads and of some that begin inside a
/// group; multi-head; latent; odd sizes; windows, caps, sinks.
std::vector<Model> models(DType dtype) {
  return {{{2, 8, 8, false, dtype}, {8, 0, 4, 0, 0.3F}},
          {{2, 12, 7, false, dtype}, {4, 4, 3, 1, 0.25F}},
          {{3, 4, 13, false, dtype}, {3, 0, 1, 0, 0.3F, 9}},
          {{1, 20, 12, true, dtype}, {5, 5, 20, 0, 0.2F, 1, 0.0F, {sinks.data(), 5}}},
          {{1, 24, 24, true, dtype}, {20, 0, 20, 0, 0.2F}},
          {{1, 8, 8, false, dtype}, {8, 0, 8, 0, 0.5F, 37, 2.0F, sinks}}};
}

/// Sequences of some rows each, behind some positions.
struct Batch {
  std::vector<std::int32_t> first_row = {0};
  std::vector<std::int32_t> context;
  std::vector<std::int32_t> tables;
  std::int64_t max_blocks = 128;

  Batch(std::vector<std::int32_t> const& rows, std::vector<std::int32_t> const& positions)
      : context{positions} {
    for (std::int32_t const count : rows) {
      first_row.push_back(first_row.back() + count);
    }
  }

  [[nodiscard]] PagedBatch view() const { return {first_row, context, tables, max_blocks}; }
};

/// What finds tiles on the host.
struct HostBlock {
  template <class T>
  [[nodiscard]] std::remove_const_t<T> load(block::GlobalSpan<T> span, std::int64_t i) const {
    REQUIRE((i >= 0 && i < span.size));
    return span.data[i];
  }
};

}  // namespace

TEST_CASE("attention in emulation agrees with the reference") {
  for (Model const& model : models(any_kv_dtype())) {
    std::vector<Sequence> const sequences = {
        model.sequence(40, 1), model.sequence(1, 2), model.sequence(17, 3)};

    std::vector<Matrix> const out = attend(on_cuda, model, sequences, {});

    std::vector<Matrix> const wanted = attend(on_reference, model, sequences, {});
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      INFO("key_dim " << model.shape.key_dim << ", sequence " << s);
      CHECK(difference(out[s], wanted[s]) < tolerance_of(model));
    }
  }
}

TEST_CASE("attention in emulation has the same bits for any blocks, chunks, batch and schedule") {
  DType const dtype = GENERATE(DType::bf16, DType::i8);
  for (Model const& model : models(dtype)) {
    std::vector<Sequence> const sequences = {
        model.sequence(18, 1), model.sequence(3, 2), model.sequence(11, 3)};
    std::vector<Matrix> const wanted = attend(on_cuda, model, sequences, {});
    INFO("key_dim " << model.shape.key_dim);

    CHECK(attend(on_cuda, model, sequences, {.block_tokens = 48, .shuffle = 6}) == wanted);
    CHECK(attend(on_cuda, model, sequences, {.chunk = 1}) == wanted);
    CHECK(attend(on_cuda, model, sequences, {.block_tokens = 32, .chunk = 7}) == wanted);
    CHECK(attend(on_cuda, model, {sequences[2]}, {.chunk = 10}).front() == wanted[2]);
    check_schedules(wanted, [&] { return attend(on_cuda, model, sequences, {.chunk = 9}); });
  }
}

TEST_CASE("a context of several pieces agrees with the reference, however pieces are shared out") {
  DType const dtype = any_kv_dtype();
  auto const [rows, positions] =
      GENERATE(table<std::int64_t, std::int64_t>({{1, 256}, {3, 257}, {3, 259}, {1, 700}}));
  for (Model const& model : models(dtype)) {
    LongContext const context{on_cuda, model, positions};
    INFO("key_dim " << model.shape.key_dim << ", " << positions << " positions");

    Matrix const split = context.last_on(on_cuda, rows);

    CHECK(
        difference(split, LongContext{on_reference, model, positions}.last_on(on_reference, rows)) <
        tolerance_of(model));
    Matrix const whole =
        context.last(rows, [&](auto const& batch, auto q, auto const& cache, auto out) {
          block::emulation::EmulatedDevice device{{block::emulation::Schedule::Order::random, 4}};
          block::paged_attention(device, batch, model.heads, q, cache, out, 0);
        });
    CHECK(whole == split);
    block::emulation::ScopedSchedule const scoped{{block::emulation::Schedule::Order::reverse}};
    CHECK(context.last_on(on_cuda, rows) == split);
  }
}

TEST_CASE("keys and values around the size of a stage agree with the reference") {
  DType const dtype = any_kv_dtype();
  for (Model const& model :
       std::vector<Model>{{{1, 128, 128, false, dtype}, {3, 0, 3, 0, 0.09F}},
                          {{1, 132, 129, false, dtype}, {2, 0, 2, 0, 0.09F}},
                          {{1, 124, 260, false, dtype}, {1, 0, 1, 0, 0.09F}},
                          {{1, 256, 64, false, dtype}, {17, 0, 17, 0, 0.06F}},
                          {{1, 576, 512, true, dtype}, {18, 0, 18, 0, 0.04F}}}) {
    std::vector<Sequence> const sequences = {model.sequence(2, 1), model.sequence(1, 2)};
    INFO("key_dim " << model.shape.key_dim);

    std::vector<Matrix> const out = attend(on_cuda, model, sequences, {});
    std::vector<Matrix> const wanted = attend(on_reference, model, sequences, {});
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      CHECK(difference(out[s], wanted[s]) < tolerance_of(model));
    }
  }
}

TEST_CASE("the greatest keys and values fit into shared memory") {
  block::Attention<block::KvFloat> kernel;
  kernel.stage.layout.shape = {1, 2048, 2048, false, DType::f32};

  CHECK(kernel.shared_bytes() <= 227 << 10);
}

TEST_CASE("what a block held before, and other rows' positions, do not reach a query") {
  DType const dtype = any_kv_dtype();
  Model const model{{1, 8, 8, false, dtype}, {1, 0, 1, 0, 1.0F}};
  Sequence sequence = model.sequence(40, 1);
  Matrix const wanted = attend(on_cuda, model, {sequence}, {}).front();
  for (std::int64_t j = 0; j < 8; ++j) {
    sequence.keys.at(39, j) = NAN;
    sequence.values.at(39, j) = NAN;
  }

  Matrix const found = attend(on_cuda, model, {sequence}, {}).front();

  for (std::int64_t t = 0; t < 39; ++t) {
    for (std::int64_t j = 0; j < 8; ++j) {
      REQUIRE(found.at(t, j) == wanted.at(t, j));
    }
  }
  CHECK(std::isnan(found.at(39, 0)));
}

TEST_CASE("tiles have every query once, of one sequence and KV head, wherever blocks find them") {
  Batch const batch{{5, 0, 1, 40}, {250, 9, 700, 0}};
  std::int64_t const window = GENERATE(0, 300, std::int64_t{1} << 40);
  std::int64_t const size = GENERATE(1, 16, 64);
  AttentionHeads const heads{.num_heads = 7,
                             .first_head = 2,
                             .heads_per_kv_head = 4,
                             .first_kv_head = 0,
                             .window = window};
  block::AttentionPlan const plan = block::plan_attention(batch.view(), heads, 8, 16);
  CHECK((plan.has_whole && plan.has_split && !plan.is_decode));
  CHECK(plan.split_rows == block::split_rows);
  CHECK(plan.pieces == (window == 300 ? 4 : 8));

  block::emulation::EmulatedDevice device;
  std::vector<int> count(static_cast<std::size_t>(46 * 7));
  for (bool const is_split : {false, true}) {
    auto const tiles = block::tiles_of(device, batch.view(), heads, plan, is_split, size);
    REQUIRE(tiles.groups.size() == 3);
    std::int64_t const numbers = plan.num_tiles(is_split, tiles.groups.most_heads(), size);
    for (std::int64_t i = 0; i < 3 * numbers; ++i) {
      HostBlock block;
      block::AttentionTile const tile = tiles.find(block, i / 3, i % 3);
      auto const s = static_cast<std::size_t>(tile.sequence);
      for (std::int32_t query = 0; query < tile.num_queries; ++query) {
        std::int32_t const row = tile.first_row + tile.row(query);
        CHECK((row >= batch.first_row[s] && row < batch.first_row[s + 1]));
        CHECK(tile.kv_head == (tile.head(query) + 2) / 4);
        CHECK(tile.position(query) == batch.context[s] + row - batch.first_row[s]);
        CHECK(tile.first_seen(query, window) ==
              (window == 300 ? std::max(0, tile.position(query) - 299) : 0));
        CHECK(tile.first_piece <= tile.first_seen(query, window) / 256);
        CHECK(tile.last_piece > tile.position(query) / 256);
        CHECK((!is_split || tile.last_piece - tile.first_piece <= plan.pieces));
        CHECK(is_split == (s == 2));
        ++count[static_cast<std::size_t>(row * 7 + tile.head(query))];
      }
    }
  }
  CHECK(std::ranges::count(count, 1) == std::ssize(count));
}

TEST_CASE("what is shared out depends on the number of sequences and the tables' width alone") {
  AttentionHeads const heads{.num_heads = 8, .heads_per_kv_head = 4};
  auto const plan = [&](std::vector<std::int32_t> const& rows, std::int64_t max_blocks) {
    Batch batch{rows, std::vector<std::int32_t>(rows.size(), 3)};
    batch.max_blocks = max_blocks;
    return block::plan_attention(batch.view(), heads, 128, 16);
  };

  CHECK(plan({1, 1, 1}, 64).pieces == 4);
  CHECK(plan({1, 1, 1}, 65).pieces == 8);
  CHECK(plan({1, 1, 1}, 16).split_rows == 0);  // one piece
  CHECK(plan({1, 1, 1}, 64).split_rows == 1);
  CHECK(plan({1, 1, 2}, 64).split_rows == block::split_rows);
  CHECK_FALSE(plan({1, 1, 1}, 64).has_whole);
  CHECK(plan({2, 5}, 64).has_whole);
  CHECK_FALSE(plan({5, 5}, 64).has_split);
  // 512 rows of 8 heads and 512 pieces would take a thousand million bytes.
  CHECK(plan(std::vector<std::int32_t>(512, 1), 8192).split_rows == 0);
}
