// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench/units.hpp"

#if defined(__x86_64__)

#include <array>

#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

// Every chain of a round depends on its own register only; a statement of assembly without
// instructions keeps the compiler from computing anything once instead of in each round.

#define TALUS_OPAQUE(x) __asm__ volatile("" : "+x"(x))
#define TALUS_OPAQUE_512(x) __asm__ volatile("" : "+v"(x))

namespace talus::bench {
namespace {

constexpr int chains = 12;  // enough for two units of four or five cycles' latency

[[gnu::target("avx2,fma")]] void avx2_float32(std::int64_t rounds) {
  __m256 const factor = _mm256_set1_ps(0.999F);
  __m256 sums[chains];
  for (auto& sum : sums) {
    sum = factor;
  }
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = _mm256_fmadd_ps(sum, factor, factor);
      TALUS_OPAQUE(sum);
    }
  }
}

/// Products of unsigned and signed bytes, widened to 32 bits and summed.
[[gnu::target("avx2")]] void avx2_int8(std::int64_t rounds) {
  __m256i const ones = _mm256_set1_epi16(1);
  __m256i weights = _mm256_set1_epi8(3);
  __m256i sums[chains] = {};
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      TALUS_OPAQUE(weights);
      __m256i const pairs = _mm256_maddubs_epi16(weights, ones);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      TALUS_OPAQUE(sum);
    }
  }
}

/// As avx2_int8, with four products summed in 16 bits before they are widened: fits weights of four
/// bits.
[[gnu::target("avx2")]] void avx2_int8_sums_of_four(std::int64_t rounds) {
  __m256i const ones = _mm256_set1_epi16(1);
  __m256i weights = _mm256_set1_epi8(3);
  __m256i sums[chains / 4] = {};
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 3
    for (auto& sum : sums) {
      __m256i pairs = _mm256_setzero_si256();
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        TALUS_OPAQUE(weights);
        pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(weights, ones));
      }
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      TALUS_OPAQUE(sum);
    }
  }
}

[[gnu::target("avx512f")]] void avx512_float32(std::int64_t rounds) {
  __m512 const factor = _mm512_set1_ps(0.999F);
  __m512 sums[chains];
  for (auto& sum : sums) {
    sum = factor;
  }
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = _mm512_fmadd_ps(sum, factor, factor);
      TALUS_OPAQUE_512(sum);
    }
  }
}

[[gnu::target("avx512f,avx512bf16")]] void avx512_bf16(std::int64_t rounds) {
  __m512bh const factor = (__m512bh)_mm512_set1_epi16(0x3F80);
  __m512 sums[chains] = {};
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, factor, factor);
      TALUS_OPAQUE_512(sum);
    }
  }
}

[[gnu::target("avx512f,avx512vnni")]] void avx512_int8(std::int64_t rounds) {
  __m512i const ones = _mm512_set1_epi32(0x01010101);
  __m512i sums[chains] = {};
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, ones, ones);
      TALUS_OPAQUE_512(sum);
    }
  }
}

/// Linux lends the tiles' registers to processes that ask.
bool may_use_tiles() {
  constexpr long request_permission = 0x1023;
  constexpr long tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

/// Eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> bytes_per_row{64, 64, 64, 64, 64, 64, 64, 64};
  std::array<std::uint8_t, 16> rows{16, 16, 16, 16, 16, 16, 16, 16};
};

struct alignas(64) TileData {
  std::array<std::uint8_t, 4096> bytes{};
};

// Two tiles of rows by two of columns, all four loaded anew each time, as a matmul does. The
// intrinsics don't tell the compiler that they read all of what they are given: the empty assembly
// does.
#define TALUS_TILE_ROUNDS(product)                              \
  TileConfig const config;                                      \
  TileData const data;                                          \
  __asm__ volatile("" : : "r"(&config), "r"(&data) : "memory"); \
  _tile_loadconfig(&config);                                    \
  _tile_zero(0);                                                \
  _tile_zero(1);                                                \
  _tile_zero(2);                                                \
  _tile_zero(3);                                                \
  for (std::int64_t i = 0; i < rounds; ++i) {                   \
    _tile_loadd(4, data.bytes.data(), 64);                      \
    _tile_loadd(5, data.bytes.data() + 1024, 64);               \
    _tile_loadd(6, data.bytes.data() + 2048, 64);               \
    _tile_loadd(7, data.bytes.data() + 3072, 64);               \
    product(0, 4, 6);                                           \
    product(1, 4, 7);                                           \
    product(2, 5, 6);                                           \
    product(3, 5, 7);                                           \
  }                                                             \
  _tile_release();

[[gnu::target("amx-tile,amx-bf16")]] void amx_bf16(std::int64_t rounds) {
  TALUS_TILE_ROUNDS(_tile_dpbf16ps)
}

[[gnu::target("amx-tile,amx-int8")]] void amx_int8(std::int64_t rounds) {
  TALUS_TILE_ROUNDS(_tile_dpbssd)
}

/// Whether the processor has AMX's tiles and both of their products.
bool has_amx() {
  std::array<unsigned, 4> words{};
  __asm__ volatile("cpuid"
                   : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3])
                   : "a"(7), "c"(0));
  constexpr unsigned bf16 = 1U << 22U;
  constexpr unsigned tile = 1U << 24U;
  constexpr unsigned int8 = 1U << 25U;
  constexpr unsigned all = bf16 | tile | int8;
  return (words[3] & all) == all && may_use_tiles();
}

}  // namespace

std::vector<Unit> x86_units() {
  __builtin_cpu_init();
  std::vector<Unit> units;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    units.push_back({"avx2_float32", true, chains * 8 * 2.0, avx2_float32});
    units.push_back({"avx2_int8", false, chains * 32 * 2.0, avx2_int8});
    units.push_back({"avx2_int8_sums_of_four", false, chains * 32 * 2.0, avx2_int8_sums_of_four});
  }
  if (__builtin_cpu_supports("avx512f")) {
    units.push_back({"avx512_float32", true, chains * 16 * 2.0, avx512_float32});
  }
  if (__builtin_cpu_supports("avx512bf16")) {
    units.push_back({"avx512_bf16", false, chains * 32 * 2.0, avx512_bf16});
  }
  if (__builtin_cpu_supports("avx512vnni")) {
    units.push_back({"avx512_int8", false, chains * 64 * 2.0, avx512_int8});
  }
  if (has_amx()) {
    units.push_back({"amx_bf16", false, 4.0 * 16 * 16 * 32 * 2, amx_bf16});
    units.push_back({"amx_int8", false, 4.0 * 16 * 16 * 64 * 2, amx_int8});
  }
  return units;
}

}  // namespace talus::bench

#endif
