// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/code_tiles.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

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
PackedWeights some_weights(QuantFormat const& format,
                           std::int64_t out,
                           std::int64_t in,
                           unsigned seed = 0) {
  std::mt19937 engine{static_cast<unsigned>(out * 1000 + in) + seed};
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

/// Chunks [first, last) of the inputs.
struct Chunks {
  std::int32_t first = 0;
  std::int32_t last = 0;
};

Chunks all_of(std::int64_t inputs) {
  return {0, static_cast<std::int32_t>(ceil_div(inputs, quant_chunk))};
}

constexpr std::array row_choices{CodeChoice::rows_8, CodeChoice::rows_16, CodeChoice::rows_32};

constexpr std::array all_choices{CodeChoice::one,
                                 CodeChoice::few,
                                 CodeChoice::rows_8,
                                 CodeChoice::rows_16,
                                 CodeChoice::rows_32,
                                 CodeChoice::tiles};

/// Whether the first rows of `all` are `y`.
bool is_beginning(Matrix const& y, Matrix const& all) {
  bool is_same = true;
  for (std::int64_t t = 0; t < y.rows; ++t) {
    for (std::int64_t o = 0; o < y.cols; ++o) {
      is_same = is_same && y.at(t, o) == all.at(t, o);
    }
  }
  return is_same;
}

void copy(Matrix const& from, MatrixView<float> to) {
  for (std::int64_t t = 0; t < from.rows; ++t) {
    for (std::int64_t o = 0; o < from.cols; ++o) {
      to.data[t * to.row_stride + o] = from.at(t, o);
    }
  }
}

void run(emulation::EmulatedDevice& device,
         CodeChoice choice,
         QuantKind kind,
         IntegerProducts const& products) {
  switch (kind) {
    case QuantKind::int8:
      return launch_codes<QuantKind::int8>(device, choice, products);
    case QuantKind::int4:
      return launch_codes<QuantKind::int4>(device, choice, products);
    default:
      return launch_codes<QuantKind::mxfp4>(device, choice, products);
  }
}

Matrix product(CodeChoice choice,
               MatrixView<float const> x,
               PackedWeights const& w,
               Chunks chunks,
               emulation::Schedule schedule = {emulation::Schedule::Order::random, 3}) {
  Matrix y{x.rows, w.out()};
  if (x.rows == 0) {
    return y;
  }
  emulation::EmulatedDevice device{schedule};
  QuantizedRows const rows = quantize_rows(device, {{x, 0}}, x.rows, {});
  std::vector<CodeJob> const jobs{{CodeMatrix{w}, 0, chunks.first, chunks.last, y.view()}};
  run(device, choice, w.codes()->format.kind, {jobs, {}, rows});
  return y;
}

Matrix expert_product(CodeChoice choice,
                      Matrix const& x,
                      std::vector<PackedWeights> const& experts,
                      std::vector<std::int32_t> const& offsets,
                      emulation::Schedule schedule) {
  PackedWeights const& any = experts.front();
  Matrix y{x.rows, any.out()};
  if (x.rows == 0) {
    return y;
  }
  emulation::EmulatedDevice device{schedule};
  QuantizedRows const rows = quantize_rows(device, {{x.view(), 0}}, x.rows, {});
  Chunks const all = all_of(any.in());
  std::vector<CodeJob> const jobs{{CodeMatrix{any}, 0, all.first, all.last, y.view()}};
  ExpertRows const rows_of_experts = expert_rows(device, offsets, experts);
  run(device, choice, any.codes()->format.kind, {jobs, rows_of_experts, rows});
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
      INFO(name_of(format) << ": " << rows << " rows, " << in << " inputs, " << out << " outputs");
      REQUIRE(product(CodeChoice::tiles, x.view(), w, all_of(in)) ==
              product(CodeChoice::few, x.view(), w, all_of(in)));
    }
  }
}

TEST_CASE("so do blocks whose warps share out the chunks, for every number of rows") {
  QuantFormat const format = GENERATE(from_range(formats));
  CodeChoice const choice = GENERATE(from_range(row_choices));
  PackedWeights const w = some_weights(format, 33, 520);
  Matrix const x = random_matrix(40, 520, 4);
  Matrix const wanted = product(CodeChoice::few, x.view(), w, all_of(520));

  for (std::int64_t rows = 1; rows <= 40; ++rows) {
    INFO(name_of(format) << ": " << rows << " rows");
    REQUIRE(is_beginning(product(choice, x.part(0, rows), w, all_of(520)), wanted));
  }
}

TEST_CASE("so do they at every boundary of outputs") {
  QuantFormat const format = GENERATE(from_range(formats));
  CodeChoice const choice = GENERATE(from_range(row_choices));
  for (std::int64_t const out : {1, 31, 32, 64, 65}) {
    PackedWeights const w = some_weights(format, out, 100);
    Matrix const x = random_matrix(9, 100, 4);
    REQUIRE(product(choice, x.view(), w, all_of(100)) ==
            product(CodeChoice::few, x.view(), w, all_of(100)));
  }
}

TEST_CASE("chunks are shared out whatever their number, and their scales' groups") {
  CodeChoice const choice = GENERATE(from_range(row_choices));
  for (QuantFormat const& format : formats) {
    for (std::int64_t chunks = 1; chunks <= 50; chunks += chunks < 34 ? 1 : 5) {
      std::int64_t const in = chunks * quant_chunk - chunks % 3;
      PackedWeights const w = some_weights(format, 32, in);
      Matrix const x = random_matrix(5, in, 4);
      INFO(name_of(format) << ": " << in << " inputs");
      REQUIRE(product(choice, x.view(), w, all_of(in)) ==
              product(CodeChoice::few, x.view(), w, all_of(in)));
    }
  }
}

TEST_CASE("tensor cores sum a part of the inputs, and by every schedule alike") {
  QuantFormat const format = GENERATE(from_range(formats));
  CodeChoice const choice =
      GENERATE(CodeChoice::rows_8, CodeChoice::rows_16, CodeChoice::rows_32, CodeChoice::tiles);
  PackedWeights const w = some_weights(format, 40, 928);
  Matrix const x = random_matrix(choice == CodeChoice::tiles ? 66 : 35, 928, 5);

  for (Chunks const chunks : {Chunks{0, 0}, Chunks{3, 4}, Chunks{2, 29}}) {
    Matrix const wanted = product(CodeChoice::few, x.view(), w, chunks);
    for (auto const schedule : other_schedules()) {
      REQUIRE(product(choice, x.view(), w, chunks, schedule) == wanted);
    }
  }
}

TEST_CASE("a row that isn't finite stays alone where tensor cores multiply") {
  CodeChoice const choice =
      GENERATE(CodeChoice::rows_8, CodeChoice::rows_16, CodeChoice::rows_32, CodeChoice::tiles);
  PackedWeights const w = some_weights(formats[0], 40, 64);
  Matrix x = random_matrix(40, 64, 6);
  Matrix const before = product(choice, std::as_const(x).view(), w, {0, 2});
  x.at(7, 40) = INFINITY;

  Matrix const y = product(choice, std::as_const(x).view(), w, {0, 2});

  for (std::int64_t t = 0; t < 40; ++t) {
    for (std::int64_t o = 0; o < 40; ++o) {
      CHECK((t == 7 ? !std::isfinite(y.at(t, o)) : y.at(t, o) == before.at(t, o)));
    }
  }
}

TEST_CASE("experts' rows have the bits of products of their own, by every kernel") {
  QuantFormat const format = GENERATE(from_range(formats));
  auto const seed = GENERATE(1U, 2U, 3U);
  std::mt19937 engine{seed};
  std::vector<PackedWeights> experts;
  std::vector<std::int32_t> offsets{0};
  for (int e = 0; e < 5; ++e) {
    experts.push_back(some_weights(format, 40, 288, seed * 10 + static_cast<unsigned>(e)));
    std::uint32_t const most = std::array{1U, 12U, 70U}[engine() % 3];
    offsets.push_back(offsets.back() + static_cast<std::int32_t>(engine() % most));
  }
  Matrix const x = random_matrix(offsets.back(), 288, seed);
  Matrix wanted{x.rows, 40};
  for (std::size_t e = 0; e < experts.size(); ++e) {
    std::int64_t const rows = offsets[e + 1] - offsets[e];
    copy(product(CodeChoice::few, x.part(offsets[e], rows), experts[e], all_of(288)),
         wanted.part(offsets[e], rows));
  }

  for (CodeChoice const choice : all_choices) {
    for (auto const schedule : other_schedules()) {
      REQUIRE(expert_product(choice, x, experts, offsets, schedule) == wanted);
    }
  }
}

TEST_CASE("groups of chunks are found without a division") {
  for (std::int32_t const group_chunks :
       {1, 2, 3, 4, 5, 7, 16, 31, 64, 100, 4096, CodeLayout::whole_row}) {
    CodeLayout layout;
    layout.group_chunks = group_chunks;
    for (std::int32_t const phase : {0, 1, 3}) {
      layout.phase = group_chunks == CodeLayout::whole_row ? 0 : phase % group_chunks;
      layout.header_bytes = 160;
      layout.chunk_bytes = 512;
      PanelWords const places{layout};
      for (std::int32_t chunk = 0; chunk < 40000; ++chunk) {
        std::int32_t const group = places.group_of(chunk);
        if (group != layout.group_of(chunk) ||
            std::int64_t{places.codes(chunk, group)} * 4 != layout.codes_at(chunk) ||
            std::int64_t{places.header(group)} * 4 != layout.header_at(group)) {
          FAIL("chunk " << chunk << " of groups of " << group_chunks << ", phase " << phase);
        }
      }
    }
  }
}

TEST_CASE("octets of codes have the values of their codes, in the order of their inputs") {
  std::mt19937 engine{5};
  for (int i = 0; i < 2000; ++i) {
    auto const word = static_cast<std::uint32_t>(engine());
    InputPair const x{static_cast<std::uint32_t>(engine()), static_cast<std::uint32_t>(engine())};
    auto const sum = [](InputPair const& a, InputPair const& b) {
      return add_products(a[0], b[0], add_products(a[1], b[1], 0));
    };
    InputPair const stored{word & 0x0F0F0F0FU, word >> 4U & 0x0F0F0F0FU};
    using Int4 = InputOctet<QuantKind::int4>;
    InputPair const eights{0x08080808U, 0x08080808U};
    REQUIRE(sum(Int4::codes(word), Int4::inputs(x)) == 16 * (sum(stored, x) - sum(eights, x)));
    using Mxfp4 = InputOctet<QuantKind::mxfp4>;
    using Codes = IntegerCodes<QuantKind::mxfp4>;
    InputPair const values{Codes::values(stored[0]), Codes::values(stored[1])};
    REQUIRE(sum(Mxfp4::codes(word), Mxfp4::inputs(x)) == sum(values, x));
  }
}

TEST_CASE("the number of rows chooses the kernel") {
  CHECK(choose_code_kernel(1) == CodeChoice::one);
  CHECK(choose_code_kernel(3) == CodeChoice::few);
  CHECK(choose_code_kernel(4) == CodeChoice::rows_8);
  CHECK(choose_code_kernel(8) == CodeChoice::rows_8);
  CHECK(choose_code_kernel(9) == CodeChoice::rows_16);
  CHECK(choose_code_kernel(17) == CodeChoice::rows_32);
  CHECK(choose_code_kernel(32) == CodeChoice::rows_32);
  CHECK(choose_code_kernel(33) == CodeChoice::tiles);
}
