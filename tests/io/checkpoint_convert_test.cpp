// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "io/checkpoint/convert.hpp"

#include "tests/io/checkpoint_files.hpp"
#include "tests/support/catch.hpp"

using namespace talus;
using talus::test::bytes_of;

namespace {

// A piece of one row on `bytes`.
io::TensorPiece row_of(DType dtype, std::string const& bytes) {
  auto const count = std::ssize(bytes) / size_of(dtype);
  return {dtype, 0, 1, count, count, reinterpret_cast<std::byte const*>(bytes.data())};
}

std::vector<float> floats_of(DType dtype, std::string const& bytes) {
  auto const piece = row_of(dtype, bytes);
  std::vector<float> out(static_cast<std::size_t>(piece.cols));
  io::convert_to_float(piece, {out.data(), 1, piece.cols, piece.cols});
  return out;
}

std::vector<std::uint16_t> bf16_of(DType dtype, std::string const& bytes) {
  auto const piece = row_of(dtype, bytes);
  std::vector<std::uint16_t> out(static_cast<std::size_t>(piece.cols));
  io::convert_to_bf16(piece, {out.data(), 1, piece.cols, piece.cols});
  return out;
}

}  // namespace

TEST_CASE("every type of weight becomes the float that it stands for") {
  CHECK(floats_of(DType::f32, bytes_of<float>({1.5F, -0.1F})) == std::vector{1.5F, -0.1F});
  CHECK(floats_of(DType::f64, bytes_of<double>({0.1, -1e300})) ==
        std::vector{0.1F, -std::numeric_limits<float>::infinity()});
  // one, the largest, the smallest normal and subnormal halves, minus two
  CHECK(floats_of(DType::f16,
                  bytes_of<std::uint16_t>({0x3C00, 0x7BFF, 0x0400, 0x0001, 0x8001, 0xC000})) ==
        std::vector{1.0F, 65504.0F, 0x1p-14F, 0x1p-24F, -0x1p-24F, -2.0F});
  CHECK(floats_of(DType::bf16, bytes_of<std::uint16_t>({0x3F80, 0xC000, 0x0001})) ==
        std::vector{1.0F, -2.0F, 0x1p-133F});
}

TEST_CASE("every half is widened as the scalar function does, bit by bit") {
  std::vector<std::uint16_t> halves(65536);
  std::iota(halves.begin(), halves.end(), std::uint16_t{0});

  auto const floats = floats_of(DType::f16, bytes_of(halves));

  for (std::size_t i = 0; i < halves.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(floats[i]) !=
        std::bit_cast<std::uint32_t>(f16_to_float(halves[i]))) {
      FAIL_CHECK("half " << halves[i] << " became " << floats[i]);
    }
  }
}

TEST_CASE("bfloat16 is rounded to nearest, ties to even") {
  // 1 + half a step, 1 + a step and a half, just above and below half a step
  auto const values = bytes_of<float>({1.0F, 1.00390625F, 1.01171875F, 1.00390637F, 1.00390613F});
  std::vector<std::uint16_t> const rounded{0x3F80, 0x3F80, 0x3F82, 0x3F81, 0x3F80};

  CHECK(bf16_of(DType::f32, values) == rounded);
  CHECK(bf16_of(DType::f64, bytes_of<double>({1.01171875})) == std::vector<std::uint16_t>{0x3F82});
  CHECK(bf16_of(DType::f16, bytes_of<std::uint16_t>({0x3C04, 0x3C0C})) ==
        std::vector<std::uint16_t>{0x3F80, 0x3F82});
  CHECK(bf16_of(DType::bf16, bytes_of<std::uint16_t>({0x3F81, 0x8001})) ==
        std::vector<std::uint16_t>{0x3F81, 0x8001});
}

TEST_CASE("rows may be apart on both sides, and lie at odd addresses") {
  auto const bytes = "x" + bytes_of<float>({1, 2, 3, 4, 5, 6});
  io::TensorPiece const piece{
      DType::f32, 7, 2, 2, 3, reinterpret_cast<std::byte const*>(bytes.data() + 1)};
  std::vector<float> out(8, -1.0F);

  io::convert_to_float(piece, {out.data(), 2, 2, 5});

  CHECK(out == std::vector<float>{1, 2, -1, -1, -1, 4, 5, -1});
}

TEST_CASE("integers are no weights") {
  CHECK_THROWS_AS(floats_of(DType::i32, std::string(8, '\0')), ConfigError);
  CHECK_THROWS_AS(bf16_of(DType::f8_e4m3, std::string(8, '\0')), ConfigError);
}
