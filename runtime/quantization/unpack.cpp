// SPDX-License-Identifier: Apache-2.0
#include "runtime/quantization/unpack.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/base/assert.hpp"

namespace talus::runtime {
namespace {

/// Which of eight outputs a nibble holds.
constexpr std::array<std::int64_t, 8> interleaved_order = {0, 2, 4, 6, 1, 3, 5, 7};

std::uint32_t word_at(io::TensorPiece const& piece, std::int64_t row, std::int64_t col) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, piece.data + (row * piece.row_stride + col) * 4, sizeof(word));
  return word;
}

/// The code in place `i` of a word.
std::uint8_t code_of(std::uint32_t word, std::int64_t i, std::int64_t bits) noexcept {
  auto const shifted = word >> static_cast<std::uint32_t>(i * bits);
  return bits == 4 ? static_cast<std::uint8_t>(shifted & 0xFU)
                   : static_cast<std::uint8_t>((shifted & 0xFFU) ^ 0x80U);
}

Range overlap(Range a, Range b) {
  std::int64_t const first = std::max(a.first, b.first);
  return {first, std::max(first, std::min(a.last, b.last))};
}

void make_room(CodeTile& tile) {
  tile.codes.resize(static_cast<std::size_t>(tile.rows.size() * tile.cols.size()));
}

CodeTile unpack_down(io::TensorPiece const& piece, std::int64_t bits, CodeTile const& wanted) {
  std::int64_t const n = 32 / bits;
  CodeTile tile;
  tile.rows = wanted.rows;
  tile.cols = overlap(wanted.cols, {piece.first_row * n, (piece.first_row + piece.rows) * n});
  make_room(tile);
  for (std::int64_t i = tile.cols.first; i < tile.cols.last; ++i) {
    std::uint8_t* const column = tile.codes.data() + (i - tile.cols.first);
    for (std::int64_t o = 0; o < tile.rows.size(); ++o) {
      column[o * tile.cols.size()] =
          code_of(word_at(piece, i / n - piece.first_row, o), i % n, bits);
    }
  }
  return tile;
}

CodeTile unpack_right(io::TensorPiece const& piece, std::int64_t bits, CodeTile const& wanted) {
  std::int64_t const n = 32 / bits;
  CodeTile tile;
  tile.rows = overlap(wanted.rows, {piece.first_row, piece.first_row + piece.rows});
  tile.cols = wanted.cols;
  make_room(tile);
  std::int64_t const first_word = wanted.cols.first / n;
  std::uint8_t* code = tile.codes.data();
  for (std::int64_t o = tile.rows.first; o < tile.rows.last; ++o) {
    for (std::int64_t i = tile.cols.first; i < tile.cols.last; ++i) {
      *code++ = code_of(word_at(piece, o - piece.first_row, i / n - first_word), i % n, bits);
    }
  }
  return tile;
}

CodeTile unpack_interleaved(io::TensorPiece const& piece, CodeTile const& wanted) {
  constexpr std::int64_t n = 8;
  std::array<std::int64_t, n> place{};  // the nibble of each output
  for (std::int64_t i = 0; i < n; ++i) {
    place[static_cast<std::size_t>(interleaved_order[static_cast<std::size_t>(i)])] = i;
  }
  CodeTile tile;
  tile.rows = wanted.rows;
  tile.cols = overlap(wanted.cols, {piece.first_row, piece.first_row + piece.rows});
  make_room(tile);
  std::int64_t const first_word = wanted.rows.first / n;
  std::uint8_t* code = tile.codes.data();
  for (std::int64_t o = tile.rows.first; o < tile.rows.last; ++o) {
    std::int64_t const nibble = place[static_cast<std::size_t>(o % n)];
    for (std::int64_t i = tile.cols.first; i < tile.cols.last; ++i) {
      *code++ = code_of(word_at(piece, i - piece.first_row, o / n - first_word), nibble, 4);
    }
  }
  return tile;
}

CodeTile copy_bytes(io::TensorPiece const& piece, CodeTile const& wanted) {
  CodeTile tile;
  tile.rows = overlap(wanted.rows, {piece.first_row, piece.first_row + piece.rows});
  tile.cols = wanted.cols;
  make_room(tile);
  for (std::int64_t o = 0; o < tile.rows.size(); ++o) {
    std::int64_t const row = tile.rows.first + o - piece.first_row;
    std::memcpy(tile.codes.data() + o * tile.cols.size(),
                piece.data + row * piece.row_stride,
                static_cast<std::size_t>(tile.cols.size()));
  }
  return tile;
}

}  // namespace

CodeTile unpack(io::TensorPiece const& piece,
                CodePacking packing,
                std::int64_t bits,
                CodeTile const& wanted) {
  TALUS_EXPECT(bits == 4 || bits == 8);
  switch (packing) {
    case CodePacking::words_down:
      return unpack_down(piece, bits, wanted);
    case CodePacking::words_right:
      return unpack_right(piece, bits, wanted);
    case CodePacking::interleaved:
      return unpack_interleaved(piece, wanted);
    case CodePacking::bytes:
      return copy_bytes(piece, wanted);
  }
  return {};
}

void unpack_pairs(std::byte const* bytes, std::int64_t count, std::uint8_t* codes) noexcept {
  for (std::int64_t i = 0; i < count; ++i) {
    auto const pair = std::to_integer<std::uint32_t>(bytes[i / 2]);
    codes[i] = static_cast<std::uint8_t>(i % 2 == 0 ? pair & 0xFU : pair >> 4U);
  }
}

}  // namespace talus::runtime
