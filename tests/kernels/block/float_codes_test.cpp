// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/float_codes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernels/block/code_pack.hpp"
#include "kernels/block/float_code_launch.hpp"
#include "kernels/detail/float8.hpp"
#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"

#include "tests/kernels/block/block_support.hpp"

using namespace talus;                  // NOLINT: tests only
using namespace talus::kernels;         // NOLINT: tests only
using namespace talus::kernels::block;  // NOLINT: tests only

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr auto fp8 = QuantKind::fp8_e4m3;
constexpr std::array formats{QuantFormat{fp8, 0, false, 1},
                             QuantFormat{fp8, 32, false, 1},
                             QuantFormat{fp8, 160, false, 1},
                             QuantFormat{fp8, 128, false, 128}};
constexpr std::array all_choices{FloatCodeChoice::one_panel,
                                 FloatCodeChoice::two_panels,
                                 FloatCodeChoice::some,
                                 FloatCodeChoice::more,
                                 FloatCodeChoice::more_wide,
                                 FloatCodeChoice::many};

/// All codes but NaN.
QuantizedMatrix some_codes(QuantFormat const& format, std::int64_t out, std::int64_t in) {
  std::mt19937 engine{static_cast<unsigned>(out * 1000 + in)};
  QuantizedMatrix w{format, out, in, {}, {}, {}};
  w.codes.resize(static_cast<std::size_t>(out * in));
  w.scales.resize(static_cast<std::size_t>(out * groups_of(format, in)));
  std::ranges::generate(w.codes, [&] {
    auto const code = static_cast<std::uint8_t>(engine());
    return code % 128 == 127 ? std::uint8_t{1} : code;
  });
  std::ranges::generate(w.scales,
                        [&] { return std::ldexp(static_cast<float>(128 + engine() % 128), -12); });
  return w;
}

PackedWeights packed(QuantizedMatrix const& w, std::int64_t first = 0) {
  std::int64_t const phase = w.format.group == 0 ? 0 : first % w.format.group;
  PackedWeights weights{on_cuda, w.rows, w.cols - first, {w.format, DType::f32, phase}};
  weights.set(on_cuda, {}, w.view(0, w.rows, first, w.cols));
  return weights;
}

Matrix columns(Matrix const& x, std::int64_t first, std::int64_t last) {
  Matrix part{x.rows, last - first};
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t i = first; i < last; ++i) {
      part.at(t, i - first) = x.at(t, i);
    }
  }
  return part;
}

/// Rows that begin at multiples of 16 bytes, with NaN between them, or at any place.
struct Rows {
  Rows(Matrix const& values, bool is_aligned)
      : stride{is_aligned ? round_up(values.cols, 8) : values.cols | 1},
        data{on_cuda, values.rows * stride},
        view{data.data(), values.rows, values.cols, stride} {
    std::fill_n(data.data(), data.size(), NAN);
    for (std::int64_t t = 0; t < values.rows; ++t) {
      for (std::int64_t i = 0; i < values.cols; ++i) {
        data.data()[t * stride + i] = values.at(t, i);
      }
    }
  }

  std::int64_t stride;
  Buffer<float> data;
  MatrixView<float const> view;
};

constexpr emulation::Schedule usual{emulation::Schedule::Order::random, 3};

Matrix product(FloatCodeChoice choice,
               Matrix const& x,
               PackedWeights const& w,
               bool is_aligned = true,
               emulation::Schedule schedule = usual) {
  emulation::EmulatedDevice device{schedule};
  Matrix y{x.rows, w.out()};
  Rows const rows{x, is_aligned};
  FloatCodeProduct const one{rows.view, w, y.view()};
  run_float_codes(device, choice, {rows.view, {&one, 1}});
  return y;
}

/// The input of a chunk that a product's place `k` has.
std::int64_t input_of(int product, int k) {
  return k % 8 / 2 * lane_inputs + product * 4 + k / 8 * 2 + k % 2;
}

/// A part: inputs [first, last), of one scale.
float part_sum(
    QuantizedMatrix const& w, Matrix const& x, std::int64_t t, std::int64_t o, InputRange part) {
  float sum = 0.0F;
  for (std::int64_t chunk = part.first; chunk < part.last; chunk += quant_chunk) {
    for (int k = 0; k < static_cast<int>(quant_chunk); ++k) {
      std::int64_t const i = chunk + input_of(k / fragment_inputs, k % fragment_inputs);
      if (i < part.last) {
        float const input = bf16_to_float(float_to_bf16(x.at(t, i)));
        float const code = e4m3_to_float(w.codes[static_cast<std::size_t>(o * w.cols + i)]);
        sum = std::fma(code, input, sum);
      }
    }
  }
  return sum * w.scales[static_cast<std::size_t>(w.view().scale_index(o, part.first))];
}

/// In the order that the kernels have, and the emulation's of an instruction.
Matrix plain_product(QuantizedMatrix const& w, Matrix const& x) {
  Matrix y{x.rows, w.rows};
  auto const inputs = static_cast<std::int32_t>(w.cols);
  auto const group = static_cast<std::int32_t>(w.format.group == 0 ? w.cols : w.format.group);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t o = 0; o < w.rows; ++o) {
      float sum = 0.0F;
      for (std::int32_t first = 0; first < inputs; first += group) {
        std::int32_t const last = std::min(first + group, inputs);
        for (std::int32_t part = first; part < last; part += 128) {
          sum += part_sum(w, x, t, o, {part, std::min(part + 128, last)});
        }
      }
      y.at(t, o) = sum;
    }
  }
  return y;
}

}  // namespace

TEST_CASE("a code's fragments have its value, wherever in its chunk it is") {
  QuantStorage const storage{{fp8, 0, false, 1}, DType::f32, 0};
  for (int first = 0; first < 256; first += 32) {
    QuantizedMatrix w{storage.format, 32, 32, std::vector<std::uint8_t>(32 * 32), {}, {}};
    w.scales.assign(32, 1.0F);
    for (std::size_t place = 0; place < w.codes.size(); ++place) {
      auto const code = static_cast<std::uint8_t>(first + static_cast<int>(place * 37 / 32 % 32));
      w.codes[place] = code % 128 == 127 ? std::uint8_t{0x80} : code;
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(bytes_of_codes(32, 32, storage)));
    pack_codes({bytes.data(), 32, storage}, {}, w.view());
    auto const* const codes = bytes.data() + CodeLayout{storage, 32}.codes_at(0);

    for (int o = 0; o < 32; ++o) {
      for (int product = 0; product < chunk_products; ++product) {
        for (int k = 0; k < fragment_inputs; ++k) {
          FragmentPlace const place = left_place(o % 16, k);
          Vector<std::uint32_t, lane_words> words;
          std::memcpy(&words, codes + (o / 16 * 32 + place.lane) * 16, sizeof words);
          std::uint32_t const pair = left_codes(words, product)[place.number];
          auto const bits = static_cast<std::uint16_t>(place.half == 0 ? pair : pair >> 16U);
          auto const code = w.codes[static_cast<std::size_t>(o * 32 + input_of(product, k))];
          REQUIRE(std::bit_cast<std::uint32_t>(bf16_to_float(bits)) ==
                  std::bit_cast<std::uint32_t>(detail::value_of_e4m3(code)));
        }
      }
    }
  }
}

TEST_CASE("parts of sums have each input once, of one scale, and at most 128") {
  std::int32_t const group = GENERATE(0, 1, 2, 3, 4, 5, 8, 9) * 32;
  for (std::int32_t phase = 0; phase < std::max(group, 1); phase += 32) {
    for (std::int32_t const in : {0, 1, 32, 33, 128, 129, 500, 1000}) {
      CodeLayout const layout{{{fp8, group, false, 1}, DType::f32, phase}, in};
      for (std::int32_t const begin : {0, 32, 96, 128, 320}) {
        FloatCodeParts const parts{layout, {std::min(begin, in), in}};
        std::int32_t next = std::min(begin, in);
        for (std::int32_t number = 0; number < parts.size(); ++number) {
          TilePart const part = parts.part(number);
          INFO("group " << group << ", phase " << phase << ", inputs " << begin << " to " << in);
          REQUIRE((part.first == next || part.count == 0));
          REQUIRE((part.count <= 128 && (part.count > 0 || begin >= in)));
          next += part.count;
          REQUIRE((part.is_last == 1) == (number + 1 == parts.size()));
          REQUIRE(part.folds == (number > 0 ? 1 : 0));
          REQUIRE((part.count == 0 ||
                   layout.group_of(part.first / 32) == layout.group_of((next - 1) / 32)));
        }
        REQUIRE(next == std::max(in, next));
      }
    }
  }
}

TEST_CASE("products of fp8 have the bits of plain loops, at every boundary of rows and outputs") {
  bool const is_aligned = GENERATE(true, false);
  for (std::int64_t const rows : {1, 8, 9, 16, 17, 33, 64, 65, 129}) {
    for (std::int64_t const out : {1, 33, 129}) {
      QuantizedMatrix const w = some_codes(formats[static_cast<std::size_t>(rows) % 4], out, 140);
      PackedWeights const weights = packed(w);
      Matrix const x = random_matrix(rows, 140, 2);
      Matrix const wanted = plain_product(w, x);
      for (FloatCodeChoice const choice : all_choices) {
        INFO(rows << " rows, " << out << " outputs, way " << static_cast<int>(choice));
        REQUIRE(product(choice, x, weights, is_aligned) == wanted);
      }
    }
  }
}

TEST_CASE("products of fp8 have the bits of plain loops, at every boundary of inputs") {
  QuantFormat const format = GENERATE(from_range(formats));
  bool const is_aligned = GENERATE(true, false);
  for (std::int64_t const in : {1, 31, 33, 128, 129, 161, 513, 1057}) {
    QuantizedMatrix const w = some_codes(format, 20, in);
    PackedWeights const weights = packed(w);
    Matrix const x = random_matrix(3, in, 2);
    Matrix const wanted = plain_product(w, x);
    for (FloatCodeChoice const choice : all_choices) {
      INFO(name_of(format) << ", " << in << " inputs, way " << static_cast<int>(choice));
      REQUIRE(product(choice, x, weights, is_aligned) == wanted);
    }
  }
}

TEST_CASE("products of fp8 without inputs are zero") {
  PackedWeights const weights{on_cuda, 40, 0, {formats[0], DType::f32, 0}};
  for (FloatCodeChoice const choice : all_choices) {
    Matrix const y = product(choice, Matrix{3, 0}, weights);
    for (std::int64_t o = 0; o < 40; ++o) {
      REQUIRE(y.at(2, o) == 0.0F);
    }
  }
}

TEST_CASE("products of fp8 are those of the values of their codes") {
  QuantFormat const format = GENERATE(from_range(formats));
  QuantizedMatrix const w = some_codes(format, 70, 700);
  Matrix const x = random_bf16_matrix(11, 700, 3);
  PackedWeights dequantised{on_reference, 70, 700, {format, DType::f32, 0}};
  dequantised.set(on_reference, {}, w.view());
  Matrix wanted{11, 70};
  matmul(on_reference, x.view(), dequantised, wanted.view());

  for (FloatCodeChoice const choice : all_choices) {
    CHECK(difference(product(choice, x, packed(w)), wanted) < 1e-6F);
  }
}

TEST_CASE("products of fp8 have the same bits by every schedule") {
  FloatCodeChoice const choice = GENERATE(from_range(all_choices));
  PackedWeights const w = packed(some_codes(formats[3], 70, 1300));
  Matrix const x = random_matrix(19, 1300, 5);
  Matrix const wanted = product(choice, x, w);

  for (auto const schedule : other_schedules()) {
    REQUIRE(product(choice, x, w, true, schedule) == wanted);
  }
}

TEST_CASE("a row that isn't finite stays alone among products of fp8") {
  FloatCodeChoice const choice = GENERATE(from_range(all_choices));
  PackedWeights const w = packed(some_codes(formats[3], 40, 64));
  Matrix x = random_matrix(20, 64, 6);
  Matrix const before = product(choice, x, w);
  x.at(7, 40) = INFINITY;
  x.at(8, 3) = NAN;

  Matrix const y = product(choice, x, w);

  for (std::int64_t t = 0; t < 20; ++t) {
    for (std::int64_t o = 0; o < 40; ++o) {
      CHECK((t == 7 || t == 8 ? !std::isfinite(y.at(t, o)) : y.at(t, o) == before.at(t, o)));
    }
  }
}

TEST_CASE("leaves of fp8 are products of their own, folded as the tree says") {
  QuantFormat const format = GENERATE(from_range(formats));
  std::int32_t const leaves = GENERATE(1, 5, 33);
  std::int32_t const leaf_inputs = leaves == 33 ? 32 : GENERATE(32, 160);
  std::int64_t const in = std::int64_t{leaves} * leaf_inputs - 5;
  QuantizedMatrix const w = some_codes(format, 20, in);
  PackedWeights const weights = packed(w);
  SumTree const tree{leaves};
  std::vector<std::int32_t> boundaries{0};
  for (std::int32_t leaf = 1; leaf < leaves; ++leaf) {
    boundaries.push_back(leaf * leaf_inputs);
  }
  boundaries.push_back(static_cast<std::int32_t>(in));
  if (leaves == 33) {
    boundaries[20] = boundaries[19];  // a leaf without inputs
  }
  LeafRange const run{0, leaves};
  std::vector<LeafRange> const nodes{{0, leaves}};
  Matrix const x = random_matrix(9, in, 7);

  std::vector<Matrix> stack;
  for (std::int32_t leaf = 0; leaf < leaves; ++leaf) {
    auto const i = static_cast<std::size_t>(leaf);
    Matrix sum{9, 20};
    if (boundaries[i] == boundaries[i + 1]) {
      std::ranges::fill(sum.data, 0.0F);
    } else {
      QuantizedMatrix cut = w;
      cut.cols = boundaries[i + 1];
      cut.codes.clear();
      for (std::int64_t o = 0; o < 20; ++o) {
        auto const* const row = &w.codes[static_cast<std::size_t>(o * in)];
        cut.codes.insert(cut.codes.end(), row, row + cut.cols);
      }
      cut.scales.clear();
      std::int64_t const groups = groups_of(format, in);
      for (std::int64_t o = 0; o < 20; ++o) {
        auto const* const row = &w.scales[static_cast<std::size_t>(o * groups)];
        cut.scales.insert(cut.scales.end(), row, row + groups_of(format, cut.cols));
      }
      sum = product(FloatCodeChoice::one_panel,
                    columns(x, boundaries[i], boundaries[i + 1]),
                    packed(cut, boundaries[i]));
    }
    for (std::int32_t fold = tree.folds_after({leaf, leaf + 1}, 0); fold > 0; --fold) {
      for (std::int64_t t = 0; t < 9; ++t) {
        for (std::int64_t o = 0; o < 20; ++o) {
          sum.at(t, o) = stack.back().at(t, o) + sum.at(t, o);
        }
      }
      stack.pop_back();
    }
    stack.push_back(sum);
  }
  REQUIRE(stack.size() == 1);

  for (FloatCodeChoice const choice : all_choices) {
    emulation::EmulatedDevice device{usual};
    Matrix y{9, 20};
    MatrixView<float> const partial = y.view();
    FloatCodeProduct const one{x.view(), weights, partial};
    auto const parts =
        parts_of_leaves({{&tree, run, boundaries}, nodes}, CodeMatrix{weights}.layout);
    run_float_codes(device, choice, {x.view(), {&one, 1}, {}, parts, {&partial, 1}});
    INFO(name_of(format) << ", " << leaves << " leaves, way " << static_cast<int>(choice));
    for (std::int64_t t = 0; t < 9; ++t) {
      for (std::int64_t o = 0; o < 20; ++o) {
        REQUIRE(y.at(t, o) == stack.front().at(t, o));
      }
    }
  }
}
