// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include "kernels/block/attention_launch.hpp"
#include "kernels/block/kv_cache.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

/// What a device is told to do.
struct Launch {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> kernel;

  friend bool operator==(Launch const&, Launch const&) = default;
};

/// Runs nothing, and notes what it would run. All that it is given has a mirror, whose place is
/// that of the host's array; a step's scratch memory is that of the step before.
class RecordingDevice {
 public:
  template <class Kernel>
  void launch(block::LaunchShape const& shape, Kernel const& kernel) {
    std::vector<std::byte> bytes(sizeof kernel);
    std::memcpy(bytes.data(), &kernel, sizeof kernel);
    launches.push_back(
        {Kernel::name,
         {shape.grid.x, shape.grid.y, shape.grid.z, shape.threads, shape.shared_bytes},
         bytes});
  }

  template <class T>
  [[nodiscard]] block::GlobalSpan<T const> upload(std::span<T const> values) {
    return {values.data(), std::ssize(values)};
  }

  template <class T>
  [[nodiscard]] block::GlobalSpan<T> scratch(std::int64_t size) {
    used += size * static_cast<std::int64_t>(sizeof(T));
    return {reinterpret_cast<T*>(std::uintptr_t{4096} + static_cast<std::uintptr_t>(used)), size};
  }

  [[nodiscard]] std::int64_t most_shared_bytes() const { return 227 << 10; }

  std::vector<Launch> launches;
  std::int64_t used = 0;
};

/// A step's arrays, which stay where they are.
struct Step {
  std::vector<std::int32_t> first_row;
  std::vector<std::int32_t> context;
  std::vector<std::int32_t> tables;
  std::int64_t max_blocks = 0;

  /// Decodes a row of each sequence.
  Step(std::int64_t sequences, std::int64_t blocks)
      : first_row(static_cast<std::size_t>(sequences + 1)),
        context(static_cast<std::size_t>(sequences)),
        tables(static_cast<std::size_t>(sequences * blocks)),
        max_blocks{blocks} {
    std::iota(first_row.begin(), first_row.end(), 0);
  }

  [[nodiscard]] PagedBatch view() const { return {first_row, context, tables, max_blocks}; }
};

/// What a layer of a model launches.
struct Layer {
  AttentionHeads heads;
  KvCache cache;
  Matrix q;
  Matrix keys;
  Matrix values;
  Matrix out;

  Layer(KvShape const& shape, AttentionHeads const& of, std::int64_t rows)
      : heads{of},
        cache{on_cuda, shape, 4, 16},
        q{rows, of.num_heads * shape.key_dim},
        keys{rows, shape.num_heads * shape.key_dim},
        values{rows, shape.num_heads * shape.value_dim},
        out{rows, of.num_heads * shape.value_dim} {}

  [[nodiscard]] std::vector<Launch> launches(Step const& step) {
    auto const view = [](Matrix const& matrix) { return matrix.view(); };
    RecordingDevice device;
    block::store_kv(device, step.view(), view(keys), view(values), cache);
    block::paged_attention(device, step.view(), heads, view(q), cache, out.view());
    return device.launches;
  }
};

}  // namespace

TEST_CASE("decode steps of as many sequences launch the same, whatever the sequences hold") {
  DType const dtype = GENERATE(DType::f32, DType::bf16, DType::i8, DType::f8_e4m3);
  std::int64_t const max_blocks = GENERATE(1, 16, 17, 200);
  AttentionHeads const heads{.num_heads = 8, .heads_per_kv_head = 4, .window = 1000};
  AttentionHeads const latent_heads{.num_heads = 5, .heads_per_kv_head = 8};
  Layer grouped{{2, 64, 64, false, dtype}, heads, 3};
  Layer latent{{1, 80, 64, true, dtype}, latent_heads, 3};
  for (Layer* const layer : {&grouped, &latent}) {
    Step step{3, max_blocks};
    std::vector<Launch> const first = layer->launches(step);

    step.context = {static_cast<std::int32_t>(max_blocks * 16 - 1), 7, 0};
    step.tables.assign(step.tables.size(), 3);
    CHECK(layer->launches(step) == first);
    REQUIRE(first.size() == (max_blocks > 16 ? 3 : 2));
    CHECK(first[0].name == block::StoreKv::name);
    CHECK(first[1].name == (dtype == DType::f32 ? "talus::kernels::paged_attention"
                                                : "talus::kernels::tile_attention"));
    CHECK((max_blocks <= 16 || first[2].name == block::JoinPieces::name));
  }
}

TEST_CASE("steps of other sequences, tables or rows launch something else") {
  Layer layer{{2, 8, 8, false, DType::f32}, {.num_heads = 4, .heads_per_kv_head = 2}, 3};
  std::vector<Launch> const first = layer.launches({3, 40});

  CHECK(layer.launches({3, 80}) != first);
  Step step{2, 40};
  step.first_row = {0, 1, 3};
  CHECK(layer.launches(step) != first);
}
