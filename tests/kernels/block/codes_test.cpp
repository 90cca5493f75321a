// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kernels/block/code_pack.hpp"
#include "kernels/block/code_words.hpp"
#include "kernels/block/emulation/fenced_device.hpp"
#include "kernels/matmul.hpp"
#include "kernels/quantized.hpp"
#include "kernels/transfer.hpp"

#include "tests/kernels/block/block_support.hpp"
#include "tests/kernels/block/some_codes.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only
using block::CodeLayout;

CATCH_REGISTER_LISTENER(SessionListener)

namespace {

constexpr std::array formats{QuantFormat{QuantKind::int8, 0, false, 1},
                             QuantFormat{QuantKind::int8, 96, true, 1},
                             QuantFormat{QuantKind::int4, 32, false, 1},
                             QuantFormat{QuantKind::int4, 128, true, 1},
                             QuantFormat{QuantKind::mxfp4, 32, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 0, false, 1},
                             QuantFormat{QuantKind::fp8_e4m3, 128, false, 128}};

/// Reads a packed matrix back by the layout's description.
class Unpacked {
 public:
  Unpacked(std::vector<std::byte> const& bytes, QuantStorage const& storage, std::int64_t in)
      : bytes_{&bytes}, storage_{storage}, layout_{storage, in} {}

  [[nodiscard]] std::uint8_t code(std::int64_t o, std::int64_t i) const {
    auto const chunk = static_cast<std::int32_t>(i / quant_chunk);
    auto const place = block::place_of_code(storage_.format.kind, i % quant_chunk, o % 32);
    auto const byte = at(o, layout_.codes_at(chunk) + place.byte);
    unsigned const mask = block::has_byte_codes(storage_.format.kind) ? 0xFFU : 0xFU;
    return static_cast<std::uint8_t>(byte >> static_cast<unsigned>(place.shift) & mask);
  }

  [[nodiscard]] float scale(std::int64_t o, std::int64_t i) const {
    std::int64_t const first = header(i);
    if (storage_.scales == DType::f32) {
      float value = 0.0F;
      std::memcpy(&value, address(o, first + o % 32 * 4), 4);
      return value;
    }
    std::uint16_t bits = 0;
    std::memcpy(&bits, address(o, first + o % 32 * 2), 2);
    return storage_.scales == DType::bf16 ? bf16_to_float(bits) : f16_to_float(bits);
  }

  [[nodiscard]] std::uint8_t zero(std::int64_t o, std::int64_t i) const {
    return at(o, header(i) + layout_.scale_bytes + o % 32);
  }

 private:
  [[nodiscard]] std::int64_t header(std::int64_t i) const {
    return layout_.header_at(layout_.group_of(static_cast<std::int32_t>(i / quant_chunk)));
  }

  [[nodiscard]] std::byte const* address(std::int64_t o, std::int64_t byte) const {
    return bytes_->data() + o / 32 * layout_.panel_bytes() + byte;
  }

  [[nodiscard]] std::uint8_t at(std::int64_t o, std::int64_t byte) const {
    return static_cast<std::uint8_t>(*address(o, byte));
  }

  std::vector<std::byte> const* bytes_;
  QuantStorage storage_;
  CodeLayout layout_;
};

PackedWeights packed_on_cuda(QuantizedMatrix const& w, DType scales = DType::f32) {
  PackedWeights packed{on_cuda, w.rows, w.cols, {w.format, scales, 0}};
  packed.set(on_cuda, {}, w.view());
  return packed;
}

Matrix multiply(Matrix const& x, PackedWeights const& w) {
  Matrix y{x.rows, w.out()};
  matmul(on_cuda, x.view(), w, y.view());
  return y;
}

}  // namespace

TEST_CASE("packed codes, scales and zero points are found where the layout says") {
  QuantFormat const format = GENERATE(from_range(formats));
  DType const scales = GENERATE(DType::f32, DType::bf16, DType::f16);
  std::int64_t const out = GENERATE(1, 31, 33, 70);
  std::int64_t const in = GENERATE(1, 31, 32, 33, 257);
  QuantStorage const storage{format, scales, 0};
  if (format.kind == QuantKind::mxfp4 && scales == DType::f16) {
    return;  // is refused
  }
  QuantizedMatrix const w = some_codes(format, out, in);
  std::vector<std::byte> bytes(static_cast<std::size_t>(block::bytes_of_codes(out, in, storage)));

  block::pack_codes({bytes.data(), in, storage}, {}, w.view());

  Unpacked const unpacked{bytes, storage, in};
  float const half = format.kind == QuantKind::mxfp4 ? 0.5F : 1.0F;
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t i = 0; i < in; ++i) {
      auto const at = static_cast<std::size_t>(w.view().scale_index(o, i));
      REQUIRE(unpacked.code(o, i) == w.codes[static_cast<std::size_t>(o * in + i)]);
      REQUIRE(unpacked.scale(o, i) == w.scales[at] * half);
      REQUIRE((!format.zero_points || unpacked.zero(o, i) == w.zeros[at]));
    }
  }
}

TEST_CASE("pieces at any origin pack to the same bytes, and padding stays as it was") {
  QuantFormat const format = GENERATE(from_range(formats));
  std::int64_t const out = 70;
  std::int64_t const in = 257;
  QuantStorage const storage{format, DType::f32, 0};
  QuantizedMatrix const w = some_codes(format, out, in);
  auto const size = static_cast<std::size_t>(block::bytes_of_codes(out, in, storage));
  std::vector<std::byte> whole(size);
  std::vector<std::byte> pieces(size);
  block::pack_codes({whole.data(), in, storage}, {}, w.view());

  for (auto const& [first, last] : {std::pair{33, 70}, std::pair{0, 1}, std::pair{1, 33}}) {
    for (auto const& [left, right] :
         {std::pair{100, 257}, std::pair{0, 1}, std::pair{1, 35}, std::pair{35, 100}}) {
      block::pack_codes(
          {pieces.data(), in, storage}, {first, left}, w.view(first, last, left, right));
    }
  }

  CHECK(pieces == whole);
  // Another filling of the memory shows in the padding, and only there.
  std::vector<std::byte> filled(size, std::byte{0xA5});
  block::pack_codes({filled.data(), in, storage}, {}, w.view());
  std::int64_t different = 0;
  for (std::size_t i = 0; i < size; ++i) {
    different += filled[i] == whole[i] ? 0 : 1;
    REQUIRE((filled[i] == whole[i] || whole[i] == std::byte{0} ||
             (filled[i] & std::byte{0xF}) == (whole[i] & std::byte{0xF}) ||
             (filled[i] & std::byte{0xF0}) == (whole[i] & std::byte{0xF0})));
  }
  CHECK(different > 0);
}

TEST_CASE("a strip of whole panels is one range of bytes, which nobody else writes") {
  QuantFormat const format = GENERATE(from_range(formats));
  QuantStorage const storage{format, DType::f32, format.group == 0 ? 0 : 32 % format.group};
  CodeLayout const layout{storage, 200};
  QuantizedMatrix const w = some_codes(format, 100, 256);
  auto const size = block::bytes_of_codes(100, 200, storage);
  for (auto const& [first, last] : {std::pair{0, 32}, std::pair{32, 96}, std::pair{96, 100}}) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    auto const range = block::bytes_of_outputs(first, last, layout);
    block::pack_codes({bytes.data(), 200, storage}, {first, 0}, w.view(first, last, 32, 232));

    std::vector<std::byte> strip(static_cast<std::size_t>(range.last - range.first));
    block::pack_codes({strip.data(), 200, storage}, {}, w.view(first, last, 32, 232));
    CHECK(std::equal(strip.begin(), strip.end(), bytes.begin() + range.first));
    std::fill_n(bytes.begin() + range.first, strip.size(), std::byte{0});
    CHECK(std::count(bytes.begin(), bytes.end(), std::byte{0}) == size);
  }
}

TEST_CASE("codes get to a device's memory as they are packed, whatever the pieces") {
  QuantFormat const format = GENERATE(from_range(formats));
  block::emulation::FencedDevice device{8 << 20};
  ExecContext exec = on_cuda;
  exec.device = &device;
  QuantStorage const storage{format, DType::f32, 0};
  QuantizedMatrix const w = some_codes(format, 70, 257);
  std::vector<std::byte> wanted(static_cast<std::size_t>(block::bytes_of_codes(70, 257, storage)));
  block::pack_codes({wanted.data(), 257, storage}, {}, w.view());
  PackedWeights whole{exec, 70, 257, storage};
  PackedWeights pieces{exec, 70, 257, storage};
  auto const bytes_of = [&](PackedWeights const& packed) {
    std::vector<std::byte> bytes(wanted.size());
    download(exec, packed.data(), std::span{bytes});
    return bytes;
  };

  whole.set(exec, {}, w.view());
  for (auto const& [first, last] : {std::pair{33, 70}, std::pair{0, 33}}) {
    for (auto const& [left, right] : {std::pair{35, 257}, std::pair{0, 35}}) {
      pieces.set(exec, {first, left}, w.view(first, last, left, right));
    }
  }

  CHECK(bytes_of(whole) == wanted);
  CHECK(bytes_of(pieces) == wanted);
}

TEST_CASE("words of codes have the values of their codes") {
  QuantFormat const e2m1{QuantKind::mxfp4, 32, false, 1};
  for (std::uint32_t first = 0; first < 16; ++first) {
    std::uint32_t const codes =
        first | (first + 5) % 16 << 8U | (first + 9) % 16 << 16U | (first + 14) % 16 << 24U;
    std::uint32_t const values = block::IntegerCodes<QuantKind::mxfp4>::values(codes);
    for (int i = 0; i < 4; ++i) {
      auto const code = static_cast<std::uint8_t>(block::byte_of(codes, i));
      CHECK(static_cast<float>(block::signed_byte(values, i)) == 2.0F * code_value(e2m1, code));
    }
  }
  CHECK(block::add_products(0x80FF7F01U, 0x7F02807FU, 5) ==
        5 + 1 * 127 + 127 * -128 + -1 * 2 + -128 * 127);
}

TEST_CASE("products of codes have the same bits by every schedule and for any number of rows") {
  QuantizedMatrix const w = some_codes(GENERATE(from_range(formats)), 41, 545);
  PackedWeights const packed = packed_on_cuda(w);
  Matrix const all = random_matrix(40, 545, 1);
  Matrix const wanted = multiply(all, packed);

  for (std::int64_t rows = 1; rows <= 37; ++rows) {
    Matrix y{rows, 41};
    matmul(on_cuda, all.part(3, rows), packed, y.view());
    for (std::int64_t t = 0; t < rows; ++t) {
      for (std::int64_t o = 0; o < 41; ++o) {
        REQUIRE(y.at(t, o) == wanted.at(3 + t, o));
      }
    }
  }
  Matrix const few = random_matrix(3, 545, 2);
  check_schedules(multiply(few, packed), [&] { return multiply(few, packed); });
}

TEST_CASE("weights that were never set count as zero") {
  QuantFormat const format = GENERATE(from_range(formats));
  PackedWeights const packed{on_cuda, 35, 70, {format, DType::f32, 0}};
  Matrix const y = multiply(random_matrix(2, 70, 3), packed);

  for (std::int64_t o = 0; o < 35; ++o) {
    CHECK(y.at(0, o) == 0.0F);
    CHECK(y.at(1, o) == 0.0F);
  }
}
