// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/buffer.hpp"
#include "kernels/exec_context.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels {

/// What one layer caches for a token.
///
/// Grouped-query attention: a key and a value for each head. Latent attention: num_heads = 1, the
/// key is the latent with its rotary part behind, and the value is the key's first value_dim
/// elements, stored once.
///
/// Elements of eight bits are codes: a head's key and its value have a float32 scale each, a
/// latent one for its first value_dim elements and one for the others, its rotary part.
struct KvShape {
  std::int64_t num_heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
  bool value_in_key = false;  ///< latent attention
  DType dtype = DType::f32;   ///< f32, bf16, i8 or f8_e4m3

  [[nodiscard]] constexpr bool has_scales() const noexcept { return size_of(dtype) == 1; }

  /// Elements of a token and a head.
  [[nodiscard]] constexpr std::int64_t head_elements() const noexcept {
    return key_dim + (value_in_key ? 0 : value_dim);
  }

  /// Bytes of a token and a head.
  [[nodiscard]] constexpr std::int64_t head_bytes() const noexcept {
    constexpr std::int64_t scales = 2 * sizeof(float);
    return head_elements() * size_of(dtype) + (has_scales() ? scales : 0);
  }

  /// Bytes of a token in this layer.
  [[nodiscard]] constexpr std::int64_t token_bytes() const noexcept {
    return num_heads * head_bytes();
  }
};

/// Checks that a cache can be kept so.
///
/// \throws ConfigError  if a size is not positive, the type none of those above, a latent shared by
///   several heads or shorter than its value, or a key no whole number of words of 32 bits
void check_kv_shape(KvShape const& shape);

/// The paged KV cache of one layer: `num_blocks` blocks of `block_tokens` tokens each, zeroed.
///
/// How a block is laid out is the backend's affair, but that it lies in one piece.
class KvCache {
 public:
  static constexpr std::int64_t panel_positions = 16;  ///< divides block_tokens

  KvCache() = default;

  /// \throws ConfigError  see check_kv_shape; if block_tokens is no multiple of panel_positions
  KvCache(ExecContext const& exec,
          KvShape const& shape,
          std::int64_t num_blocks,
          std::int64_t block_tokens);

  [[nodiscard]] KvShape const& shape() const noexcept { return shape_; }

  [[nodiscard]] std::int64_t num_blocks() const noexcept { return num_blocks_; }

  [[nodiscard]] std::int64_t block_tokens() const noexcept { return block_tokens_; }

  [[nodiscard]] std::byte* data() noexcept { return data_.data(); }

  [[nodiscard]] std::byte const* data() const noexcept { return data_.data(); }

 private:
  KvShape shape_;
  std::int64_t num_blocks_ = 0;
  std::int64_t block_tokens_ = 0;
  Buffer<std::byte> data_;
};

/// The sequences of a step, as attention and the cache need them.
///
/// Rows of a step's activations are ordered by sequence; row `first_row[s] + i` is sequence s's
/// token at position `context[s] + i`.
struct PagedBatch {
  std::span<std::int32_t const> first_row;     ///< [sequences + 1], from 0 to tokens
  std::span<std::int32_t const> context;       ///< [sequences] tokens already in the cache
  std::span<std::int32_t const> block_tables;  ///< [sequences, max_blocks] block numbers
  std::int64_t max_blocks = 0;

  [[nodiscard]] std::int64_t num_sequences() const noexcept {
    return static_cast<std::int64_t>(context.size());
  }
};

/// One block to be copied onto another one of the same cache.
struct KvBlockCopy {
  std::int32_t from = 0;
  std::int32_t to = 0;
};

/// Copies whole blocks, one after another.
///
/// \throws ConfigError  if a block lies outside the cache
void copy_kv_blocks(ExecContext const& exec, std::span<KvBlockCopy const> copies, KvCache& cache);

/// Writes the keys and values of a step's tokens into their slots.
///
/// Codes of eight bits are of the row times its greatest code (127, or 448 of e4m3) over its
/// greatest magnitude, rounded to nearest, ties to even. A row with an element that isn't finite
/// has a scale that isn't.
///
/// \param keys    [tokens, num_heads * key_dim]
/// \param values  [tokens, num_heads * value_dim]; empty view where value_in_key
void store_kv(ExecContext const& exec,
              PagedBatch const& batch,
              MatrixView<float const> keys,
              MatrixView<float const> values,
              KvCache& cache);

}  // namespace talus::kernels
