// SPDX-License-Identifier: Apache-2.0
#include "kernels/kv_cache.hpp"

#include <vector>

#include "kernels/session.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;           // NOLINT: tests only
using namespace talus::kernels;  // NOLINT: tests only

namespace {

constexpr std::int64_t block_tokens = 16;

/// Gives every byte of a block its block's mark.
void mark_blocks(KvCache& cache) {
  std::int64_t const bytes = block_tokens * cache.shape().token_bytes();
  for (std::int64_t i = 0; i < cache.num_blocks() * bytes; ++i) {
    cache.data()[i] = static_cast<std::byte>(1 + i / bytes);
  }
}

std::vector<int> marks(KvCache const& cache) {
  std::int64_t const bytes = block_tokens * cache.shape().token_bytes();
  std::vector<int> found;
  for (std::int64_t block = 0; block < cache.num_blocks(); ++block) {
    int const mark = static_cast<int>(cache.data()[block * bytes]);
    bool same = true;
    for (std::int64_t i = 0; i < bytes; ++i) {
      same = same && static_cast<int>(cache.data()[block * bytes + i]) == mark;
    }
    found.push_back(same ? mark : -1);
  }
  return found;
}

}  // namespace

TEST_CASE("blocks are copied whole and in order") {
  KernelSession const session{1};
  auto const backend = GENERATE(from_range(available_backends()));
  KvShape const shape = GENERATE(KvShape{.num_heads = 2, .key_dim = 5, .value_dim = 3},
                                 KvShape{.num_heads = 1,
                                         .key_dim = 7,
                                         .value_dim = 4,
                                         .value_in_key = true,
                                         .dtype = DType::bf16});
  KvCache cache{{backend}, shape, 5, block_tokens};
  mark_blocks(cache);

  copy_kv_blocks({backend}, std::vector<KvBlockCopy>{{0, 3}, {3, 1}, {2, 2}, {4, 3}}, cache);

  CHECK(marks(cache) == std::vector<int>{1, 1, 3, 5, 5});
}

TEST_CASE("a block outside the cache is refused") {
  KernelSession const session{1};
  KvCache cache{{}, {.num_heads = 1, .key_dim = 4, .value_dim = 4}, 2, block_tokens};
  auto const copy = GENERATE(KvBlockCopy{0, 2}, KvBlockCopy{2, 0}, KvBlockCopy{-1, 0});

  CHECK_THROWS_AS(copy_kv_blocks({}, std::vector<KvBlockCopy>{copy}, cache), ConfigError);
}
