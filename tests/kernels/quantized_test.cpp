// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantized.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<float> random_values(std::size_t count) {
  std::mt19937 engine{11};
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(engine);
  }
  return values;
}

std::vector<float> restored(QuantRows const& rows) {
  std::vector<float> values(static_cast<std::size_t>(rows.rows * rows.cols));
  dequantize(rows, {values.data(), rows.rows, rows.cols, rows.cols});
  return values;
}

}  // namespace

TEST_CASE("codes of small floats have the values of their formats") {
  CHECK(e4m3_to_float(0x00) == 0.0F);
  CHECK(e4m3_to_float(0x01) == std::ldexp(1.0F, -9));
  CHECK(e4m3_to_float(0x38) == 1.0F);
  CHECK(e4m3_to_float(0xB9) == -1.125F);
  CHECK(e4m3_to_float(0x7E) == 448.0F);
  CHECK(std::isnan(e4m3_to_float(0x7F)));
  CHECK(e2m1_to_float(3) == 1.5F);
  CHECK(e2m1_to_float(15) == -6.0F);
  CHECK(e8m0_to_float(127) == 1.0F);
  CHECK(e8m0_to_float(0) == std::ldexp(1.0F, -127));
  CHECK(std::isnan(e8m0_to_float(255)));
}

TEST_CASE("floats round to the nearest e4m3, ties to even") {
  for (int code = 0; code < 256; ++code) {
    float const value = e4m3_to_float(static_cast<std::uint8_t>(code));
    if (!std::isnan(value)) {
      REQUIRE(float_to_e4m3(value) == code);
    }
  }
  for (int code = 0; code < 0x7E; ++code) {
    float const low = e4m3_to_float(static_cast<std::uint8_t>(code));
    float const high = e4m3_to_float(static_cast<std::uint8_t>(code + 1));
    float const middle = (low + high) / 2.0F;
    REQUIRE(float_to_e4m3(middle) == code + code % 2);
    REQUIRE(float_to_e4m3(std::nextafter(middle, low)) == code);
    REQUIRE(float_to_e4m3(-std::nextafter(middle, high)) == (0x80 | (code + 1)));
  }
  CHECK(float_to_e4m3(449.0F) == 0x7E);
  CHECK(float_to_e4m3(-INFINITY) == 0xFE);
  CHECK(float_to_e4m3(NAN) == 0x7F);
}

TEST_CASE("what is quantised comes back within about half a step") {
  std::string_view const name = GENERATE(from_range(
      std::vector<std::string_view>{quant_format_names().begin(), quant_format_names().end()}));
  QuantFormat const format = parse_quant_format(name, "--quantization");
  CHECK(name_of(format) == name);
  constexpr std::int64_t rows = 5;
  constexpr std::int64_t cols = 200;
  std::vector<float> const values = random_values(rows * cols);
  QuantizedMatrix const matrix = quantize({values.data(), rows, cols, cols}, format);
  QuantRows const view = matrix.view();
  std::vector<float> const found = restored(view);
  bool const is_clamped = format.kind == QuantKind::int4 && !format.zero_points;
  for (std::int64_t i = 0; i < rows * cols; ++i) {
    auto const at = static_cast<std::size_t>(i);
    float const step =
        std::abs(matrix.scales[static_cast<std::size_t>(view.scale_index(i / cols, i % cols))]);
    // Without a zero point the largest of the other sign may lie one step beyond the codes; with
    // one, and with the scale rounded, an extreme a little beyond.
    float const error = std::abs(found[at] - values[at]);
    if (format.kind == QuantKind::fp8_e4m3) {
      CHECK(error <= std::max(std::abs(values[at]) / 16.0F, step * 0x1p-10F));  // its three bits
    } else {
      CHECK(error <= step * (is_clamped ? 1.01F : 0.6F));
    }
  }
}

TEST_CASE("a block of a quantised matrix has the scales of its place") {
  QuantFormat const format = parse_quant_format("int4-g64-asym", "test");
  constexpr std::int64_t rows = 7;
  constexpr std::int64_t cols = 300;
  std::vector<float> const values = random_values(rows * cols);
  QuantizedMatrix const matrix = quantize({values.data(), rows, cols, cols}, format);
  std::vector<float> const whole = restored(matrix.view());
  std::vector<float> const part = restored(matrix.view(2, 5, 96, 260));
  for (std::int64_t o = 0; o < 3; ++o) {
    for (std::int64_t i = 0; i < 164; ++i) {
      CHECK(part[static_cast<std::size_t>(o * 164 + i)] ==
            whole[static_cast<std::size_t>((o + 2) * cols + i + 96)]);
    }
  }
}

TEST_CASE("zeros, one value, and the smallest floats can be quantised") {
  std::string_view const name = GENERATE("int8", "int4-g32", "int4-g32-asym", "fp8");
  float const value = GENERATE(0.0F, 3.0F, -3.0F, 1e-45F, 1e5F, 3e38F);
  if (name == "fp8" && value > 1e30F) {
    std::vector<float> const beyond(64, value);
    CHECK_THROWS_WITH(quantize({beyond.data(), 1, 64, 64}, parse_quant_format(name, "test")),
                      ContainsSubstring("a weight of 3e+38 (below 114688)"));
    return;
  }
  std::vector<float> const values(64, value);
  QuantizedMatrix const matrix =
      quantize({values.data(), 1, 64, 64}, parse_quant_format(name, "test"));
  for (float const found : restored(matrix.view())) {
    CHECK(std::abs(found - value) <= std::abs(value) * 0.07F + 1e-44F);
  }
}

TEST_CASE("formats that can't be made are refused") {
  CHECK_THROWS_WITH(parse_quant_format("int3", "--quantization"),
                    ContainsSubstring("--quantization") && ContainsSubstring("int4-g32"));
  std::vector<float> const values(32);
  CHECK_THROWS_WITH(quantize({values.data(), 1, 32, 32}, {QuantKind::mxfp4, 32, false, 1}),
                    ContainsSubstring("mxfp4"));
}
