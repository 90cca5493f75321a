// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/library_codes.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "kernels/biased_matmul.hpp"
#include "kernels/block/emulation/operations.hpp"
#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"
#include "runtime/base/sum_tree.hpp"

#include "tests/kernels/block/library_support.hpp"

// --gpu-matmul cublaslt of fp8 codes on an emulated device, whose memory only operations can touch;
// the library is a stand-in.

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

constexpr float tolerance = 1e-5F;  // float32 sums in another order

constexpr QuantFormat by_output{QuantKind::fp8_e4m3, 0, false, 1};
constexpr QuantFormat by_block{QuantKind::fp8_e4m3, 128, false, 128};

QuantizedMatrix some_codes(QuantFormat const& format, std::int64_t rows, std::int64_t cols) {
  std::mt19937 engine{static_cast<unsigned>(rows * 1000 + cols)};
  QuantizedMatrix w{format, rows, cols, {}, {}, {}};
  w.codes.resize(static_cast<std::size_t>(rows * cols));
  w.scales.resize(static_cast<std::size_t>(rows * groups_of(format, cols)));
  std::generate(w.codes.begin(), w.codes.end(), [&] {
    auto const code = static_cast<std::uint8_t>(engine());
    return code % 128 == 127 ? std::uint8_t{1} : code;  // no NaN
  });
  std::generate(w.scales.begin(), w.scales.end(), [&] {
    return std::ldexp(static_cast<float>(128 + engine() % 128), -12);
  });
  return w;
}

QuantStorage storage_of(QuantFormat const& format) {
  return {.format = format, .scales = DType::f32, .col_phase = 0, .may_be_rows = true};
}

PackedWeights pack_codes(ExecContext const& exec, QuantizedMatrix const& w) {
  PackedWeights packed{exec, w.rows, w.cols, storage_of(w.format)};
  packed.set(exec, {}, w.view());
  return packed;
}

bool lies_in_rows(PackedWeights const& w) {
  return w.codes()->order == CodeOrder::rows;
}

/// x as fp8 has it: a scale for each row and group of inputs.
Matrix rounded(Matrix const& x, std::int64_t group) {
  Matrix result = x;
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t first = 0; first < x.cols; first += group) {
      std::int64_t const last = std::min(first + group, x.cols);
      float most = 0.0F;
      for (std::int64_t i = first; i < last; ++i) {
        most = std::max(most, std::fabs(x.at(t, i)));
      }
      for (std::int64_t i = first; i < last; ++i) {
        float const factor = most > 0.0F ? 448.0F / most : 0.0F;
        result.at(t, i) = e4m3_to_float(float_to_e4m3(x.at(t, i) * factor)) * (most / 448.0F);
      }
    }
  }
  return result;
}

Matrix dequantized(QuantizedMatrix const& w) {
  Matrix values{w.rows, w.cols};
  dequantize(w.view(), values.view());
  return values;
}

/// In double precision.
Matrix wanted_product(Matrix const& x, QuantizedMatrix const& w) {
  Matrix const codes = rounded(x, w.format.group == 0 ? x.cols : w.format.group);
  Matrix const weights = dequantized(w);
  Matrix y{x.rows, w.rows};
  for (std::int64_t t = 0; t < x.rows; ++t) {
    for (std::int64_t o = 0; o < w.rows; ++o) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < x.cols; ++i) {
        sum += double{codes.at(t, i)} * weights.at(o, i);
      }
      y.at(t, o) = static_cast<float>(sum);
    }
  }
  return y;
}

struct Shape {
  std::int64_t rows, out, in;
};

/// Multiplies by the library, to a matrix whose rows have a gap.
void check_product(Machine const& machine,
                   QuantFormat const& format,
                   Shape const& shape,
                   std::int64_t gap = 0) {
  QuantizedMatrix const w = some_codes(format, shape.out, shape.in);
  PackedWeights const packed = pack_codes(machine.exec, w);
  REQUIRE(lies_in_rows(packed));
  Matrix const x = random_matrix(shape.rows, shape.in, 1);
  DeviceMatrix device_x{machine.exec, x, gap};
  DeviceMatrix y{machine.exec, Matrix{shape.rows, shape.out}, gap};
  auto const before = counts();

  matmul(machine.exec, as_const(device_x.view()), packed, y.view());

  INFO("rows " << shape.rows << ", out " << shape.out << ", in " << shape.in << ", gap " << gap);
  REQUIRE(counts().codes - before.codes == (shape.rows > 0 ? 1 : 0));
  REQUIRE(difference(y.values(), wanted_product(x, w)) < tolerance);
}

/// The product by our own kernels, with the library there and without it, has the same bits.
void check_own_product(Machine const& machine, QuantizedMatrix const& w, QuantStorage storage) {
  auto const own = make_device(Backend::cuda, {});
  ExecContext const on_own{.backend = Backend::cuda, .device = own.get()};
  Matrix const x = random_matrix(5, w.cols, 3);
  std::vector<Matrix> results;
  auto const before = counts();
  for (ExecContext const& exec : {machine.exec, on_own}) {
    PackedWeights packed{exec, w.rows, w.cols, storage};
    packed.set(exec, {}, w.view());
    CHECK(packed.codes()->order == CodeOrder::panels);
    CHECK(packed.bytes() == packed_bytes(exec, w.rows, w.cols, storage));
    DeviceMatrix device_x{exec, x};
    DeviceMatrix y{exec, Matrix{5, w.rows}};
    matmul(exec, as_const(device_x.view()), packed, y.view());
    results.push_back(y.values());
  }
  CHECK(results[0] == results[1]);
  CHECK(counts().codes == before.codes);
}

/// The stand-in is of another card for a scope.
class ScopedRules {
 public:
  explicit ScopedRules(test::StandinRules const& rules) { talus_standin_set(&rules); }

  ~ScopedRules() {
    test::StandinRules const usual;
    talus_standin_set(&usual);
  }

  ScopedRules(ScopedRules const&) = delete;
  ScopedRules& operator=(ScopedRules const&) = delete;
};

std::vector<std::byte> bytes_of(ExecContext const& exec, PackedWeights& w) {
  std::vector<std::byte> bytes(w.memory().size());
  download(exec, w.data(), std::span{bytes});
  return bytes;
}

}  // namespace

TEST_CASE("products of codes with a scale for each output are what they should be") {
  Machine const machine;
  for (std::int64_t const rows : {0, 1, 15, 16, 17, 32}) {
    for (std::int64_t const out : {16, 48, 144}) {
      for (std::int64_t const in : {16, 112, 1040}) {
        check_product(machine, by_output, {rows, out, in});
      }
    }
  }
  for (std::int64_t const gap : {1, 4}) {
    check_product(machine, by_output, {16, 32, 48}, gap);
  }
  CHECK(std::string{talus_standin_error()}.empty());
}

TEST_CASE("products of codes with a scale for each block are what they should be") {
  Machine const machine;
  for (std::int64_t const rows : {1, 16, 17}) {
    for (std::int64_t const out : {16, 128, 144, 256}) {
      for (std::int64_t const in : {32, 128, 144, 656}) {
        check_product(machine, by_block, {rows, out, in});
      }
    }
  }
  for (std::int64_t const gap : {1, 4}) {
    check_product(machine, by_block, {16, 32, 160}, gap);
  }
  CHECK(std::string{talus_standin_error()}.empty());
}

TEST_CASE("where the library has no scales for rows, a kernel applies them") {
  int const capability = GENERATE(89, 100, 120);
  ScopedRules const rules{{.capability = capability}};
  Machine const machine{capability};
  for (std::int64_t const rows : {1, 16, 17}) {
    for (std::int64_t const gap : {0, 1}) {
      check_product(machine, by_output, {rows, 48, 112}, gap);
    }
  }
  check_own_product(machine, some_codes(by_block, 128, 128), storage_of(by_block));

  Machine const older{90, 120803};
  check_product(older, by_output, {3, 48, 112});
  CHECK(std::string{talus_standin_error()}.empty());
}

TEST_CASE("codes stay ours where the library isn't for them") {
  Machine const machine;
  QuantizedMatrix const w = some_codes(by_output, 48, 96);
  QuantStorage const grouped{by_output, DType::f32, 0, false};
  check_own_product(machine, w, grouped);
  for (auto const& [out, in] : {std::pair{40, 96}, std::pair{48, 72}}) {
    check_own_product(machine, some_codes(by_output, out, in), storage_of(by_output));
  }
  for (QuantFormat const& format : {QuantFormat{QuantKind::fp8_e4m3, 128, false, 1},
                                    QuantFormat{QuantKind::fp8_e4m3, 64, false, 128},
                                    QuantFormat{QuantKind::int8, 0, false, 1}}) {
    check_own_product(machine, some_codes(format, 128, 128), storage_of(format));
  }
  check_own_product(Machine{80}, w, storage_of(by_output));

  ScopedRules const old_card{{.capability = 80}};  // whatever the program thinks it is
  check_own_product(machine, w, storage_of(by_output));
}

TEST_CASE("whose codes they are is decided by their shape, with the room for them") {
  Machine const machine;
  ScopedRules const rules{{.most_inputs = 96}};
  CHECK(lies_in_rows(PackedWeights{machine.exec, 48, 96, storage_of(by_output)}));
  check_own_product(machine, some_codes(by_output, 48, 112), storage_of(by_output));
}

TEST_CASE("codes that come in pieces lie as those that come at once") {
  Machine const machine;
  QuantFormat const format = GENERATE(by_output, by_block);
  QuantizedMatrix const w = some_codes(format, 288, 272);
  PackedWeights whole = pack_codes(machine.exec, w);
  PackedWeights pieces{machine.exec, w.rows, w.cols, storage_of(format)};
  for (auto const& [first, last] : {std::pair{0, 100}, std::pair{100, 130}, std::pair{130, 288}}) {
    for (auto const& [left, right] : {std::pair{128, 272}, std::pair{0, 128}}) {
      pieces.set(machine.exec, {first, left}, w.view(first, last, left, right));
    }
  }
  CHECK(pieces.bytes() == packed_bytes(machine.exec, 288, 272, storage_of(format)));
  CHECK(bytes_of(machine.exec, pieces) == bytes_of(machine.exec, whole));
}

TEST_CASE("blocks of scales that don't begin where the matrix' do are refused") {
  Machine const machine;
  QuantizedMatrix const w = some_codes(by_block, 256, 256);
  PackedWeights packed{machine.exec, 256, 256, storage_of(by_block)};
  CHECK_THROWS_AS(packed.set(machine.exec, {64, 0}, w.view(0, 128, 0, 256)), ConfigError);
  CHECK_THROWS_AS(packed.set(machine.exec, {0, 32}, w.view(0, 128, 0, 128)), ConfigError);
}

TEST_CASE("codes in rows are for matmul alone") {
  Machine const machine;
  PackedWeights const w = pack_codes(machine.exec, some_codes(by_output, 48, 96));
  DeviceMatrix x{machine.exec, random_matrix(2, 96, 1)};
  DeviceMatrix y{machine.exec, Matrix{2, 48}};
  std::vector<std::int32_t> const offsets{0, 2};
  CHECK_THROWS_AS(grouped_matmul(machine.exec, as_const(x.view()), offsets, {&w, 1}, y.view()),
                  ConfigError);
}

TEST_CASE("a bias follows a product of codes") {
  Machine const machine;
  QuantizedMatrix const w = some_codes(by_output, 48, 96);
  Matrix const x = random_matrix(3, 96, 5);
  std::vector<float> bias(48);
  for (std::size_t o = 0; o < bias.size(); ++o) {
    bias[o] = static_cast<float>(o) - 11.0F;
  }
  DeviceMatrix device_x{machine.exec, x};
  DeviceMatrix y{machine.exec, Matrix{3, 48}};

  biased_matmul(
      machine.exec, as_const(device_x.view()), pack_codes(machine.exec, w), bias, y.view());

  Matrix wanted = wanted_product(x, w);
  for (std::int64_t t = 0; t < 3; ++t) {
    for (std::int64_t o = 0; o < 48; ++o) {
      wanted.at(t, o) += bias[static_cast<std::size_t>(o)];
    }
  }
  CHECK(difference(y.values(), wanted) < tolerance);
}

TEST_CASE("leaves of codes are one product of the library, which is the first node's") {
  Machine const machine;
  SumTree const tree{6};
  LeafRange const run{1, 6};  // of three nodes
  std::vector<std::int32_t> const cuts{0, 32, 64, 96, 128, 160};
  QuantizedMatrix const w = some_codes(by_output, 16, 160);
  Matrix const x = random_matrix(3, 160, 5);
  std::size_t const num_nodes = tree.nodes_of(run).size();
  DeviceMatrix device_x{machine.exec, x};
  std::vector<std::unique_ptr<DeviceMatrix>> partials;
  std::vector<MatrixView<float>> views;
  for (std::size_t n = 0; n < num_nodes; ++n) {
    partials.push_back(std::make_unique<DeviceMatrix>(machine.exec, random_matrix(3, 16, 7)));
    views.push_back(partials.back()->view());
  }
  auto const before = counts();

  matmul_leaves(machine.exec,
                as_const(device_x.view()),
                pack_codes(machine.exec, w),
                {&tree, run, cuts},
                views);

  CHECK(counts().codes - before.codes == 1);
  CHECK(difference(partials.front()->values(), wanted_product(x, w)) < tolerance);
  for (std::size_t n = 1; n < num_nodes; ++n) {
    Matrix const rest = partials[n]->values();
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 16; ++j) {
        CHECK(rest.at(i, j) == 0.0F);
      }
    }
  }
}

TEST_CASE("what isn't finite in a row reaches that row, and no other one") {
  Machine const machine;
  QuantFormat const format = GENERATE(by_output, by_block);
  float const bad =
      GENERATE(std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::quiet_NaN());
  QuantizedMatrix const w = some_codes(format, 16, 256);
  Matrix x = random_matrix(3, 256, 5);
  x.at(1, 200) = bad;
  DeviceMatrix device_x{machine.exec, x};
  DeviceMatrix y{machine.exec, Matrix{3, 16}};

  matmul(machine.exec, as_const(device_x.view()), pack_codes(machine.exec, w), y.view());

  Matrix const got = y.values();
  for (std::int64_t o = 0; o < 16; ++o) {
    CHECK(std::isfinite(got.at(0, o)));
    CHECK(std::isnan(got.at(1, o)));
    CHECK(std::isfinite(got.at(2, o)));
  }
}

TEST_CASE("rows are quantised to the same codes by every schedule, the least and greatest too") {
  using block::emulation::EmulatedDevice;
  using enum block::emulation::Schedule::Order;
  std::int64_t const group = GENERATE(128, 272);
  Matrix x = random_matrix(4, 272, 9);
  for (std::int64_t i = 0; i < 272; ++i) {
    x.at(1, i) = 0.0F;
    x.at(2, i) *= 0x1p-120F;  // counts as zero
    x.at(3, i) *= 0x1p120F;
  }
  std::int64_t const groups = ceil_div(272, group);
  for (block::emulation::Schedule const schedule :
       {block::emulation::Schedule{forward}, {reverse}, {random, 7}, {random, 8}}) {
    EmulatedDevice device{schedule};
    device.begin_operation(nullptr);
    block::FloatRows const codes =
        block::quantize_floats(device, std::as_const(x).view(), 16, group);
    Matrix const wanted = rounded(x, group);
    for (std::int64_t t = 0; t < 16; ++t) {
      for (std::int64_t i = 0; i < 272; ++i) {
        std::uint32_t const word = codes.words.data[(t * 272 + i) / 4];
        auto const code = static_cast<std::uint8_t>(word >> static_cast<unsigned>(i % 4 * 8));
        float const scale = codes.scales.data[i / group * 16 + t];
        float const expected = t < 4 && t != 2 ? wanted.at(t, i) : 0.0F;
        REQUIRE(e4m3_to_float(code) * scale == expected);
      }
    }
    CHECK(codes.scales.size == groups * 16);
    device.end_operation();
  }
}
