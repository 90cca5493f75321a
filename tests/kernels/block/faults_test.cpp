// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "kernels/block/reduce.hpp"

#include "tests/kernels/block/faults_support.hpp"

using namespace talus;                             // NOLINT: tests only
using namespace talus::kernels::block;             // NOLINT: tests only
using namespace talus::kernels::block::emulation;  // NOLINT: tests only
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a barrier that one thread leaves out is told, with who waits where") {
  std::string const text = fault_of(FaultKind::divergence, one_block, [](auto& block) {
    if (block.thread_index() != 5) {
      block.sync();
    }
  });

  CHECK_THAT(text, ContainsSubstring("threads 0 to 4 waits in the barrier at "));
  CHECK_THAT(text, ContainsSubstring("faults_test.cpp:"));
  CHECK_THAT(text, ContainsSubstring("thread 5 has returned; threads 6 to 63 "));
}

TEST_CASE("barriers at two places don't meet") {
  fault_of(FaultKind::divergence, one_block, [](auto& block) {
    if (block.thread_index() < 32) {
      block.sync();
    } else {
      block.sync();
    }
  });
}

TEST_CASE("a shuffle that half of a warp reaches, while the others wait in the barrier, is told") {
  std::string const text = fault_of(FaultKind::divergence, one_block, [](auto& block) {
    if (block.thread_index() % 32 < 16) {
      static_cast<void>(block.shuffle_xor(1.0F, 1));
    }
    block.sync();
  });

  CHECK_THAT(text, ContainsSubstring("threads 0 to 15 waits in the shuffle"));
  CHECK_THAT(text, ContainsSubstring("threads 16 to 31 waits in the barrier"));
}

TEST_CASE("a vote and a shuffle don't meet") {
  fault_of(FaultKind::divergence, one_block, [](auto& block) {
    if (block.thread_index() % 2 == 0) {
      static_cast<void>(block.any(true));
    } else {
      static_cast<void>(block.shuffle(1, 0));
    }
  });
}

TEST_CASE("threads must ask for the same shared arrays") {
  fault_of(FaultKind::divergence, one_block, [](auto& block) {
    static_cast<void>(shared_array<float>(block, block.thread_index() == 9 ? 3 : 4));
  });
}

TEST_CASE("a read of what another thread wrote since the last barrier is a race") {
  std::string const text = fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const values = shared_array<float>(block, 64);
    int const own = block.thread_index();
    block.store(values, own, 0.0F);
    block.sync();
    block.store(values, own, 1.0F);
    static_cast<void>(block.load(values, (own + 1) % 64));  // no barrier before
  });

  CHECK_THAT(text, ContainsSubstring("with no barrier between"));
}

TEST_CASE("a barrier in between mends it, one of the warp for its own lanes only") {
  auto const exchange = [](int neighbour, bool of_warp) {
    return [neighbour, of_warp](auto& block) {
      auto const values = shared_array<float>(block, 64);
      int const own = block.thread_index();
      block.store(values, own, 1.0F);
      if (of_warp) {
        block.sync_warp();
      } else {
        block.sync();
      }
      static_cast<void>(block.load(values, own ^ neighbour));
    };
  };

  run_all(one_block, exchange(1, false));
  run_all(one_block, exchange(32, false));
  run_all(one_block, exchange(1, true));
  fault_of(FaultKind::race, {{}, 64, some_bytes}, [](auto& block) {
    auto const values = shared_array<float>(block, 64);
    int const own = block.thread_index();
    block.store(values, own, 1.0F);
    block.sync();
    block.store(values, own, 2.0F);
    block.sync_warp();
    static_cast<void>(block.load(values, own ^ 32));
  });
}

TEST_CASE("a shuffle orders no memory") {
  fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const values = shared_array<int>(block, 64);
    int const own = block.thread_index();
    block.store(values, own, own);
    block.sync();
    block.store(values, own, 0);
    static_cast<void>(block.shuffle(own, 0));
    static_cast<void>(block.load(values, own ^ 1));
  });
}

TEST_CASE("two threads that write one element, and a write of what another one still reads") {
  fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const value = shared_array<int>(block, 1);
    block.store(value, 0, block.thread_index());
  });
  fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const values = shared_array<int>(block, 64);
    int const own = block.thread_index();
    block.store(values, own, own);
    block.sync();
    int const other = block.load(values, 63 - own);
    block.store(values, own, other);
  });
}

TEST_CASE("a read before a barrier of its warp still counts for other warps") {
  fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const value = shared_array<int>(block, 1);
    int const own = block.thread_index();
    if (own == 0) {
      block.store(value, 0, 1);
    }
    block.sync();
    if (own < 32) {
      static_cast<void>(block.load(value, 0));
      block.sync_warp();
      static_cast<void>(block.load(value, 0));
    }
    if (own == 40) {
      block.store(value, 0, 2);
    }
  });
}

TEST_CASE("what nobody has written can't be read, nor what an earlier block wrote") {
  fault_of(FaultKind::uninitialised, one_block, [](auto& block) {
    auto const values = shared_array<float>(block, 64);
    if (block.thread_index() < 63) {
      block.store(values, block.thread_index(), 1.0F);
    }
    block.sync();
    static_cast<void>(block.load(values, block.thread_index()));
  });
  fault_of(FaultKind::uninitialised, two_blocks, [](auto& block) {
    auto const values = shared_array<float>(block, 32);
    if (block.block_index().x == 0) {
      block.store(values, block.thread_index(), 1.0F);
    }
    static_cast<void>(block.load(values, block.thread_index()));
  });
}

TEST_CASE("indices beyond an array, a row and a matrix are told") {
  std::array<float, 12> memory{};
  MatrixView<float> const matrix{memory.data(), 2, 4, 6};
  auto const at = [&](std::int64_t i, std::int64_t j) {
    return [matrix, i, j](auto& block) { block.store(matrix, i, j, 1.0F); };
  };

  CHECK_THAT(
      fault_of(FaultKind::range, one_block, at(0, 4)),
      ContainsSubstring("is at element 4 of 4"));  // in the padding, which a sanitizer can't see
  CHECK_THAT(fault_of(FaultKind::range, one_block, at(2, 0)), ContainsSubstring("element 2 of 2"));
  fault_of(FaultKind::range, one_block, at(-1, 0));
  fault_of(FaultKind::range, one_block, [span = GlobalSpan<float>{memory.data(), 12}](auto& block) {
    static_cast<void>(block.load(span, 9, width<4>));
  });
  fault_of(FaultKind::range, one_block, [](auto& block) {
    block.store(shared_array<int>(block, 64), block.thread_index() + 1, 1);
  });
  fault_of(FaultKind::range, one_block, [](auto& block) {
    static_cast<void>(block.shuffle(1, block.thread_index()));
  });
}

TEST_CASE("more shared memory than was given can't be had") {
  CHECK_THAT(fault_of(FaultKind::range,
                      {{}, 32, 16},
                      [](auto& block) {
                        static_cast<void>(shared_array<float>(block, 4));
                        static_cast<void>(shared_array<char>(block, 1));
                      }),
             ContainsSubstring("32 bytes (16 were given)"));
}

TEST_CASE("a vector that is not aligned is told") {
  alignas(16) std::array<float, 12> memory{};
  GlobalSpan<float> const span{memory.data(), 12};
  run_all({}, [span](auto& block) { static_cast<void>(block.load(span, 4, width<4>)); });
  fault_of(FaultKind::alignment, {}, [span](auto& block) {
    static_cast<void>(block.load(span, 5, width<4>));
  });
  fault_of(FaultKind::alignment, one_block, [](auto& block) {
    auto const values = shared_array<float>(block, 64);
    if (block.thread_index() == 0) {
      block.store(values, 2, Vector<float, 4>{});
    }
  });
}

TEST_CASE("races in global memory: within a block, and between blocks whatever their barriers") {
  std::vector<int> memory(64);
  GlobalSpan<int> const span{memory.data(), 64};
  fault_of(FaultKind::race, one_block, [span](auto& block) {
    block.store(span, block.thread_index() / 2, 1);
  });
  fault_of(FaultKind::race, two_blocks, [span](auto& block) {
    block.sync();
    block.store(span, block.thread_index(), 1);
    block.sync();
  });
  fault_of(FaultKind::race, two_blocks, [span](auto& block) {
    if (block.block_index().x == 0) {
      block.store(span, block.thread_index(), 1);
    } else {
      static_cast<void>(block.load(span, block.thread_index()));
    }
  });
  run_all(one_block, [span](auto& block) {
    block.store(span, block.thread_index(), 1);
    block.sync();
    block.store(span, 63 - block.thread_index(), block.load(span, 63 - block.thread_index()));
  });
}

TEST_CASE("atomic updates don't race with one another, but with reads") {
  std::vector<int> memory(1);
  GlobalSpan<int> const total{memory.data(), 1};
  for (Schedule const schedule : schedules()) {
    memory[0] = 0;
    EmulatedDevice device{schedule};
    auto const count = [total](auto& block) { block.atomic_add(total, 0, 2); };
    device.launch(two_blocks, TestKernel<decltype(count)>{count});
    CHECK(memory[0] == 128);
  }
  fault_of(FaultKind::race, one_block, [](auto& block) {
    auto const sum = shared_array<std::int32_t>(block, 1);
    if (block.thread_index() == 0) {
      block.store(sum, 0, 0);
    }
    block.sync();
    block.atomic_add(sum, 0, 1);
    static_cast<void>(block.load(sum, 0));
  });
}

TEST_CASE("shapes that no GPU takes are refused") {
  auto const nothing = [](auto&) {};
  for (LaunchShape const& shape : {LaunchShape{{}, 33},
                                   LaunchShape{{}, 0},
                                   LaunchShape{{}, 1056},
                                   LaunchShape{{0}, 32},
                                   LaunchShape{{1, 65536}, 32},
                                   LaunchShape{{}, 32, 300 << 10}}) {
    EmulatedDevice device;
    CHECK_THROWS_AS(device.launch(shape, TestKernel<decltype(nothing)>{nothing}), KernelFault);
  }
}

TEST_CASE("a device goes on after a fault, and other exceptions come through as they are") {
  EmulatedDevice device;
  auto const wrong = [](auto& block) {
    if (block.thread_index() == 0) {
      block.sync();
    }
  };
  auto const thrown = [](auto& block) {
    block.sync();
    if (block.thread_index() == 7) {
      throw 7;
    }
  };
  std::vector<int> memory(64);
  GlobalSpan<int> const span{memory.data(), 64};
  auto const right = [span](auto& block) {
    block.store(span, block.thread_index(), block.thread_index());
  };

  CHECK_THROWS_AS(device.launch(one_block, TestKernel<decltype(wrong)>{wrong}), KernelFault);
  CHECK_THROWS_AS(device.launch(one_block, TestKernel<decltype(thrown)>{thrown}), int);
  device.launch(one_block, TestKernel<decltype(right)>{right});

  CHECK(memory[63] == 63);
}

TEST_CASE("warps exchange values and votes") {
  std::vector<int> results(64);
  GlobalSpan<int> const span{results.data(), 64};
  run_all(one_block, [span](auto& block) {
    int const own = block.thread_index();
    int sum = block.shuffle_xor(own, 1) + block.shuffle(own, 3);
    for (int round = 0; round < 3; ++round) {
      sum += block.shuffle_xor(sum, 2);
    }
    bool const votes = block.any(own == 40) == (own >= 32) && block.all(own >= 32) == (own >= 32) &&
                       block.ballot(own % 32 == 5) == 32;
    block.store(span, own, votes ? sum : -1);
  });

  // Twice round: a + b, then (a + b) + (a + b), ...
  for (int own = 0; own < 64; ++own) {
    int const third = own / 32 * 32 + 3;
    int const a = (own ^ 1) + third;
    int const b = (own ^ 2 ^ 1) + third;
    CHECK(results[static_cast<std::size_t>(own)] == 4 * (a + b));
  }
}

TEST_CASE("sums and maxima of a block reach all threads, by one tree") {
  int const threads = GENERATE(32, 96, 256, 1024);
  auto const size = static_cast<std::size_t>(threads);
  std::vector<float> sums(size);
  std::vector<float> maxima(size);
  GlobalSpan<float> const to_sums{sums.data(), threads};
  GlobalSpan<float> const to_maxima{maxima.data(), threads};
  run_all({{}, threads, 2 * shared_bytes_of<float>(reduce_floats(threads))},
          [to_sums, to_maxima](auto& block) {
            int const own = block.thread_index();
            auto const a = shared_array<float>(block, reduce_floats(block.num_threads()));
            auto const b = shared_array<float>(block, reduce_floats(block.num_threads()));
            float const value = own == 17 ? 0x1p24F : 1.0F;
            block.store(to_sums, own, block_reduce<Sum>(block, value, a));
            block.store(to_maxima, own, block_reduce<Maximum>(block, value, b));
          });

  // Of lanes that hold 1, and one that holds 2^24, where an odd sum is rounded.
  float const first_warp = 0x1p24F + 30.0F;  // 2^24 + 1 rounds to 2^24, then 2, 4, 8 and 16
  float const wanted = first_warp + static_cast<float>(threads - 32);
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(sums[i] == wanted);
    CHECK(maxima[i] == 0x1p24F);
  }
}
