// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/code_tiles.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/block/code_launch.hpp"
#include "kernels/quantized.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::array formats{QuantFormat{QuantKind::int8, 0, false, 1},
                             QuantFormat{QuantKind::int8, 96, true, 1},
                             QuantFormat{QuantKind::int4, 32, false, 1},
                             QuantFormat{QuantKind::int4, 128, true, 1},
                             QuantFormat{QuantKind::mxfp4, 32, false, 1}};

/// Any codes there are, -128 and the farthest zero points among them.
PackedWeights some_weights(QuantFormat const& format, std::int64_t out, std::int64_t in) {
  std::mt19937 engine{static_cast<unsigned>(out * 1000 + in)};
  unsigned const codes = has_byte_codes(format.kind) ? 256 : 16;
  auto const any = [&] { return static_cast<std::uint8_t>(engine() % codes); };
  QuantizedMatrix w{format, out, in, {}, {}, {}};
  w.codes.resize(static_cast<std::size_t>(out * in));
  w.scales.resize(static_cast<std::size_t>(out * groups_of(format, in)));
  w.zeros.resize(format.zero_points ? w.scales.size() : 0);
  std::ranges::generate(w.codes, any);
  std::ranges::generate(w.zeros, any);
  std::ranges::generate(w.scales,
                        [&] { return std::ldexp(static_cast<float>(128 + engine() % 128), -12); });
  PackedWeights packed{on_cuda, out, in, {format, DType::f32, 0}};
  packed.set(on_cuda, {}, w.view());
  return packed;
}

/// How a product is computed: by dp4a, or by tensor cores.
enum class Way { plain, tiles };

template <QuantKind Kind>
void launch(emulation::EmulatedDevice& device,
            Way way,
            std::vector<CodeJob> const& jobs,
            QuantizedRows const& x) {
  if (way == Way::tiles) {
    return launch_code_tiles<Kind>(device, jobs, {}, x);
  }
  launch_tiles<IntegerKernels<Kind>::template Kernel>(device, jobs, ExpertRows{}, x);
}

/// Chunks [first, last) of the inputs.
struct Chunks {
  std::int32_t first = 0;
  std::int32_t last = 0;
};

Matrix product(Way way,
               Matrix const& x,
               PackedWeights const& w,
               Chunks chunks,
               emulation::Schedule schedule = {emulation::Schedule::Order::random, 3}) {
  emulation::EmulatedDevice device{schedule};
  Matrix y{x.rows, w.out()};
  QuantizedRows const rows = quantize_rows(device, {{x.view(), 0}}, x.rows, {});
  std::vector<CodeJob> const jobs{{CodeMatrix{w}, 0, chunks.first, chunks.last, y.view()}};
  switch (w.codes()->format.kind) {
    case QuantKind::int8:
      launch<QuantKind::int8>(device, way, jobs, rows);
      break;
    case QuantKind::int4:
      launch<QuantKind::int4>(device, way, jobs, rows);
      break;
    default:
      launch<QuantKind::mxfp4>(device, way, jobs, rows);
  }
  return y;
}

/// Each lane's registers, filled from whole matrices; the sums of one product.
struct OneProduct {
  static constexpr char const* name = "talus::kernels::one_product";

  GlobalSpan<std::int8_t const> left;   ///< [16, 32]
  GlobalSpan<std::int8_t const> right;  ///< [32, 8]
  GlobalSpan<std::int32_t> sums;        ///< [16, 8]

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    int const lane = block.thread_index();
    LeftFragment a{};
    RightFragment b{};
    for (int i = 0; i < integer_inputs; ++i) {
      for (int o = 0; o < fragment_outputs; ++o) {
        put(a.values, left_integer(o, i), lane, block.load(left, o * integer_inputs + i));
      }
      for (int r = 0; r < fragment_rows; ++r) {
        put(b.values, right_integer(i, r), lane, block.load(right, i * fragment_rows + r));
      }
    }
    IntegerFragment const result = block.mma(a, b, IntegerFragment{{1, 2, 3, 4}});
    for (int k = 0; k < 4; ++k) {
      block.store(sums, sum_output(lane, k) * fragment_rows + sum_row(lane, k), result[k]);
    }
  }

  TALUS_DEVICE static void put(std::uint32_t* registers,
                               IntegerPlace const& place,
                               int lane,
                               std::int8_t value) {
    if (place.lane == lane) {
      registers[place.number] |= std::uint32_t{static_cast<std::uint8_t>(value)}
                                 << static_cast<unsigned>(8 * place.byte);
    }
  }
};

}  // namespace

TEST_CASE("a product of integers is the sum of all its inputs, each in one register's byte") {
  std::vector<std::int8_t> left(16 * 32);
  std::vector<std::int8_t> right(32 * 8);
  std::mt19937 engine{1};
  std::ranges::generate(left, [&] { return static_cast<std::int8_t>(engine()); });
  std::ranges::generate(right, [&] { return static_cast<std::int8_t>(engine()); });
  std::vector<std::int32_t> sums(16 * 8);
  emulation::EmulatedDevice device;

  device.launch({{1}, warp_size},
                OneProduct{{left.data(), std::ssize(left)},
                           {right.data(), std::ssize(right)},
                           {sums.data(), std::ssize(sums)}});

  for (std::size_t o = 0; o < 16; ++o) {
    for (std::size_t r = 0; r < 8; ++r) {
      std::int32_t sum = static_cast<std::int32_t>(o / 8 * 2 + r % 2) + 1;
      for (std::size_t i = 0; i < 32; ++i) {
        sum += left[o * 32 + i] * right[i * 8 + r];
      }
      CHECK(sums[o * 8 + r] == sum);
    }
  }
}

TEST_CASE("tensor cores give the bits of plain products of codes, at every boundary") {
  QuantFormat const format = GENERATE(from_range(formats));
  std::int64_t const in = GENERATE(1, 32, 129, 300);
  for (std::int64_t const out : {1, 32, 33, 64, 70, 129}) {
    PackedWeights const w = some_weights(format, out, in);
    for (std::int64_t const rows : {1, 32, 33, 64, 65, 130}) {
      Matrix const x = random_matrix(rows, in, 4);
      Chunks const all{0, static_cast<std::int32_t>(ceil_div(in, quant_chunk))};
      INFO(name_of(format) << ": " << rows << " rows, " << in << " inputs, " << out << " outputs");
      REQUIRE(product(Way::tiles, x, w, all) == product(Way::plain, x, w, all));
    }
  }
}

TEST_CASE("tensor cores sum a part of the inputs, and by every schedule alike") {
  QuantFormat const format = GENERATE(from_range(formats));
  PackedWeights const w = some_weights(format, 70, 320);
  Matrix const x = random_matrix(66, 320, 5);

  for (Chunks const chunks : {Chunks{0, 0}, Chunks{3, 4}, Chunks{1, 6}, Chunks{2, 10}}) {
    Matrix const wanted = product(Way::plain, x, w, chunks);
    for (auto const schedule : other_schedules()) {
      REQUIRE(product(Way::tiles, x, w, chunks, schedule) == wanted);
    }
  }
}

TEST_CASE("a row that isn't finite stays alone where tensor cores multiply") {
  PackedWeights const w = some_weights(formats[0], 40, 64);
  Matrix x = random_matrix(40, 64, 6);
  Matrix const before = product(Way::tiles, x, w, {0, 2});
  x.at(7, 40) = INFINITY;

  Matrix const y = product(Way::tiles, x, w, {0, 2});

  for (std::int64_t t = 0; t < 40; ++t) {
    for (std::int64_t o = 0; o < 40; ++o) {
      CHECK((t == 7 ? !std::isfinite(y.at(t, o)) : y.at(t, o) == before.at(t, o)));
    }
  }
}
