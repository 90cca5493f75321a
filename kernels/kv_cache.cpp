// SPDX-License-Identifier: Apache-2.0
#include "kernels/kv_cache.hpp"

#include <algorithm>
#include <array>

#include "kernels/detail/checks.hpp"
#include "kernels/operations.hpp"
#include "kernels/transfer.hpp"

namespace talus::kernels {
namespace {

using detail::check_at_least;
using detail::check_equal;

// Lanes that read a last, partial group of columns go this far past the last block.
constexpr std::int64_t slack_bytes = 64;

constexpr std::int64_t word_bytes = 4;  // of which keys are made

}  // namespace

void check_kv_shape(KvShape const& shape) {
  check_at_least("KV cache", "num_heads", shape.num_heads, 1);
  check_at_least("KV cache", "key_dim", shape.key_dim, 1);
  check_at_least("KV cache", "value_dim", shape.value_dim, 1);
  constexpr std::array known = {DType::f32, DType::bf16, DType::i8, DType::f8_e4m3};
  if (std::ranges::find(known, shape.dtype) == known.end()) {
    throw ConfigError{concat("KV cache: stored as ",
                             name_of(shape.dtype),
                             " (must be float32, bfloat16, int8 or float8_e4m3)")};
  }
  if (!shape.value_in_key && shape.key_dim * size_of(shape.dtype) % word_bytes != 0) {
    throw ConfigError{concat("KV cache: key_dim = ",
                             shape.key_dim,
                             " in ",
                             name_of(shape.dtype),
                             " (must be a multiple of ",
                             word_bytes / size_of(shape.dtype),
                             ": words of 32 bits)")};
  }
  if (shape.value_in_key) {
    check_equal("KV cache", "num_heads of latent attention", shape.num_heads, 1);
    check_at_least("KV cache", "key_dim of latent attention", shape.key_dim, shape.value_dim);
  }
}

KvCache::KvCache(ExecContext const& exec,
                 KvShape const& shape,
                 std::int64_t num_blocks,
                 std::int64_t block_tokens)
    : shape_{shape}, num_blocks_{num_blocks}, block_tokens_{block_tokens} {
  check_kv_shape(shape);
  check_at_least("KV cache", "number of blocks", num_blocks, 0);
  if (block_tokens < panel_positions || block_tokens % panel_positions != 0) {
    throw ConfigError{concat("KV cache: block_tokens = ",
                             block_tokens,
                             " (must be a positive multiple of ",
                             panel_positions,
                             ')')};
  }
  data_ = Buffer<std::byte>{exec, num_blocks * block_tokens * shape.token_bytes() + slack_bytes};
  clear(exec, data_.span());
}

void copy_kv_blocks(ExecContext const& exec, std::span<KvBlockCopy const> copies, KvCache& cache) {
  // Every backend keeps a block in one piece, so there is nothing of its own to do.
  std::int64_t const bytes = cache.block_tokens() * cache.shape().token_bytes();
  for (KvBlockCopy const& pair : copies) {
    detail::check_below("copy_kv_blocks", "block to copy", pair.from, cache.num_blocks());
    detail::check_below("copy_kv_blocks", "block to copy to", pair.to, cache.num_blocks());
    if (pair.from != pair.to) {
      std::span<std::byte const> const from{cache.data() + pair.from * bytes,
                                            static_cast<std::size_t>(bytes)};
      copy(exec, from, cache.data() + pair.to * bytes);
    }
  }
}

void store_kv(ExecContext const& exec,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache) {
  KvShape const& shape = cache.shape();
  detail::check_batch("store_kv", batch, cache, keys.rows);
  check_equal("store_kv", "columns of keys", keys.cols, shape.num_heads * shape.key_dim);
  if (!shape.value_in_key) {
    check_equal("store_kv", "rows of values", values.rows, keys.rows);
    check_equal("store_kv", "columns of values", values.cols, shape.num_heads * shape.value_dim);
  }
  operations_of(exec.backend).store_kv(exec, batch, keys, values, cache);
}

}  // namespace talus::kernels
