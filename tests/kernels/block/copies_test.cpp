// SPDX-License-Identifier: Apache-2.0
#include <numeric>
#include <stdexcept>

#include "kernels/block/fragments.hpp"

#include "tests/kernels/block/faults_support.hpp"

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels::block;             // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

namespace {

/// A warp copies 8 elements of global memory to shared memory: each lane its own.
template <class Block>
void begin_copies(Block& block,
                  SharedSpan<std::uint16_t> to,
                  std::vector<std::uint16_t> const& from,
                  int slot) {
  std::int64_t const first = slot * 256 + block.thread_index() * 8;
  block.copy_async(
      to, first, MatrixView<std::uint16_t const>{from.data(), 1, 512, 512}, 0, first, width<8>, 8);
  block.commit_copies();
}

/// Enough elements for begin_copies(), from a multiple of 16 bytes on.
std::vector<std::uint16_t> copied_elements() {
  std::vector<std::uint16_t> elements(512);
  std::iota(elements.begin(), elements.end(), std::uint16_t{0});
  return elements;
}

/// Reads pieces of numbered elements, where they are and where they aren't.
///
/// \param read   gives a lane's four registers of pieces that begin at an element
/// \param low    the element in the low half of a lane's register of a piece
/// \param apart  from there to the one in the high half
template <class Read, class Low>
void check_pieces(Read const& read, Low const& low, int apart) {
  auto const load = [=](std::int64_t first, int written) {
    return [=](auto& block) {
      auto const memory = shared_array<std::uint16_t>(block, 512);
      for (int i = block.thread_index(); i < written; i += 32) {
        block.store(memory, i, static_cast<std::uint16_t>(i));
      }
      block.sync();
      int const lane = block.thread_index();
      auto const got = read(block, memory, first + lane * 8);
      for (int piece = 0; piece < 4; ++piece) {
        auto const element = static_cast<std::uint32_t>(low(piece, lane));
        if (got[piece] != (element | (element + static_cast<std::uint32_t>(apart)) << 16)) {
          throw std::logic_error{"another value was read"};
        }
      }
    };
  };

  run_all(two_blocks, load(0, 512));
  fault_of(FaultKind::range, two_blocks, load(264, 512));
  fault_of(FaultKind::alignment, two_blocks, load(4, 512));
  fault_of(FaultKind::uninitialised, two_blocks, load(0, 255));
}

}  // namespace

TEST_CASE("a copy that nobody has waited for can't be read") {
  auto const from = copied_elements();
  std::string const text = fault_of(FaultKind::race, two_blocks, [&](auto& block) {
    auto const to = shared_array<std::uint16_t>(block, 512);
    begin_copies(block, to, from, 0);
    block.sync();
    static_cast<void>(block.load(to, block.thread_index() * 8));
  });

  CHECK_THAT(text, ContainsSubstring("reads shared memory that thread"));
  CHECK_THAT(text, ContainsSubstring("copies to, with no barrier between"));
}

TEST_CASE("a group of copies that is still allowed to be on its way can't be read") {
  auto const from = copied_elements();
  auto const run = [&](int slot) {
    return [&from, slot](auto& block) {
      auto const to = shared_array<std::uint16_t>(block, 512);
      begin_copies(block, to, from, 0);
      begin_copies(block, to, from, 1);
      block.template wait_copies<1>();
      block.sync();
      int const other = slot * 256 + (block.thread_index() + 1) % 32 * 8;
      if (block.load(to, other) != other) {
        throw std::logic_error{"another value was copied"};
      }
    };
  };

  run_all(two_blocks, run(0));
  fault_of(FaultKind::race, two_blocks, run(1));
}

TEST_CASE("a copy that was waited for is seen by others after a barrier only") {
  auto const from = copied_elements();
  fault_of(FaultKind::race, two_blocks, [&](auto& block) {
    auto const to = shared_array<std::uint16_t>(block, 512);
    begin_copies(block, to, from, 0);
    block.sync();
    block.template wait_copies<0>();
    static_cast<void>(block.load(to, (block.thread_index() + 1) % 32 * 8));
  });
}

TEST_CASE("a copy to what others still read is a race") {
  auto const from = copied_elements();
  fault_of(FaultKind::race, two_blocks, [&](auto& block) {
    auto const to = shared_array<std::uint16_t>(block, 512);
    begin_copies(block, to, from, 0);
    block.template wait_copies<0>();
    block.sync();
    static_cast<void>(block.load(to, (block.thread_index() + 1) % 32 * 8));
    begin_copies(block, to, from, 0);
  });
}

TEST_CASE("a copy must be aligned and inside of its row; what it doesn't take of it is zero") {
  auto const from = copied_elements();
  auto const copy = [&](std::int64_t to_first, std::int64_t first, int count) {
    return [&from, to_first, first, count](auto& block) {
      auto const to = shared_array<std::uint16_t>(block, 512);
      if (block.thread_index() == 0) {
        MatrixView<std::uint16_t const> const view{from.data(), 1, 20, 20};
        block.copy_async(to, to_first, view, 0, first, width<8>, count);
        block.commit_copies();
        block.template wait_copies<0>();
        for (int k = 0; k < 8; ++k) {
          if (block.load(to, to_first + k) != (k < count ? first + k : 0)) {
            throw std::logic_error{"another value was copied"};
          }
        }
      }
    };
  };

  run_all(two_blocks, copy(8, 16, 4));
  run_all(two_blocks, copy(8, 24, 0));
  fault_of(FaultKind::range, two_blocks, copy(8, 16, 5));
  fault_of(FaultKind::alignment, two_blocks, copy(8, 4, 8));
  fault_of(FaultKind::alignment, two_blocks, copy(4, 8, 8));
}

TEST_CASE("a warp's lanes must all reach a product of fragments, and a load of pieces") {
  fault_of(FaultKind::divergence, two_blocks, [](auto& block) {
    if (block.thread_index() != 3) {
      static_cast<void>(block.mma(LeftFragment{}, RightFragment{}, SumFragment{}));
    }
  });
  fault_of(FaultKind::divergence, two_blocks, [](auto& block) {
    auto const memory = shared_array<std::uint16_t>(block, 512);
    for (int i = block.thread_index(); i < 512; i += 32) {
      block.store(memory, i, 1);
    }
    block.sync();
    if (block.thread_index() < 16) {
      static_cast<void>(block.load_pieces(memory, 0, width<2>));
    }
  });
}

TEST_CASE("pieces are read inside of their array, from multiples of 16 bytes, and once written") {
  check_pieces(
      [](auto& block, auto const& memory, std::int64_t first) {
        return block.load_pieces(memory, first, width<4>);
      },
      [](int piece, int lane) { return piece * 64 + lane / 4 * 8 + lane % 4 * 2; },
      1);
}

TEST_CASE("transposed pieces are read as pieces are, a lane's elements from two rows of a column") {
  check_pieces(
      [](auto& block, auto const& memory, std::int64_t first) {
        return block.load_transposed_pieces(memory, first);
      },
      [](int piece, int lane) { return piece * 64 + lane % 4 * 16 + lane / 4; },
      8);
}

TEST_CASE("transposed pieces of a matrix that lies row by row are right fragments of it") {
  run_all(two_blocks, [](auto& block) {
    constexpr int stride = 24;
    auto const memory = shared_array<std::uint16_t>(block, 16 * stride);
    for (int i = block.thread_index(); i < 16 * stride; i += 32) {
      block.store(memory, i, static_cast<std::uint16_t>(i));
    }
    block.sync();
    int const lane = block.thread_index();
    auto const got = block.load_transposed_pieces(memory, left_piece_row(lane, stride));
    for (int input = 0; input < 16; ++input) {
      for (int column = 0; column < 16; ++column) {
        FragmentPlace const place = right_place(input, column % 8);
        std::uint32_t const pair = got[column / 8 * 2 + place.number];
        if (place.lane == lane && (pair >> (16 * place.half) & 0xFFFFU) !=
                                      static_cast<std::uint32_t>(input * stride + column)) {
          throw std::logic_error{"another value was read"};
        }
      }
    }
  });
}
