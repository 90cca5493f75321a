// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kv_cache.hpp"
#include "kernels/lanes/kv_words.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Where things are in this backend's cache, in elements.
///
/// A block holds, head after head, its keys and then its values; a latent serves as both. All are
/// kept in words of 32 bits, in which W elements follow one another along the axis that attention
/// sums over (W = 1 for float32, 2 for bfloat16):
///
///     keys     panels of 16 positions, each [key_dim / W, 16, W]
///     values   [block_tokens / W, value_dim, W]
///     latents  [block_tokens / W, key_dim, W]
///
/// So a word is widened with few instructions an element, and 16 positions of a head are
/// contiguous. Behind a head's elements of eight bits (W = 4) are its keys' and its values' scales:
///
///     scales   [2, block_tokens]
class KvBlocks {
 public:
  KvBlocks(KvCache const& cache, PagedBatch const& batch)
      : shape_{cache.shape()}, tokens_{cache.block_tokens()}, batch_{&batch} {
    head_stride_ = tokens_ * shape_.head_bytes() / size_of(shape_.dtype);
    scales_at_ = tokens_ * shape_.head_elements();
    key_elements_ = shape_.value_in_key ? 0 : shape_.key_dim;
    value_elements_ = shape_.value_in_key ? shape_.key_dim : shape_.value_dim;
  }

  /// The panel of keys of the 16 positions from `position`.
  /// \pre position is a multiple of 16
  [[nodiscard]] std::int64_t key_panel(std::int64_t s,
                                       std::int64_t head,
                                       std::int64_t position) const {
    return start(s, head, position) + position % tokens_ * key_elements_;
  }

  /// The values (or latents) of the 16 positions from `position`.
  /// \pre position is a multiple of 16
  [[nodiscard]] std::int64_t value_rows(std::int64_t s,
                                        std::int64_t head,
                                        std::int64_t position) const {
    return start(s, head, position) + tokens_ * key_elements_ +
           position % tokens_ * value_elements_;
  }

  /// The scales of the keys (or of latents' rotary parts) of the 16 positions from `position`, in
  /// bytes.
  /// \pre position is a multiple of 16; the elements are codes
  [[nodiscard]] std::int64_t key_scales(std::int64_t s,
                                        std::int64_t head,
                                        std::int64_t position) const {
    return start(s, head, position) + scales_at_ + position % tokens_ * scale_bytes;
  }

  /// The scales of the values, likewise.
  [[nodiscard]] std::int64_t value_scales(std::int64_t s,
                                          std::int64_t head,
                                          std::int64_t position) const {
    return key_scales(s, head, position) + tokens_ * scale_bytes;
  }

 private:
  static constexpr std::int64_t scale_bytes = sizeof(float);

  [[nodiscard]] std::int64_t start(std::int64_t s, std::int64_t head, std::int64_t position) const {
    auto const entry = static_cast<std::size_t>(s * batch_->max_blocks + position / tokens_);
    return (batch_->block_tables[entry] * shape_.num_heads + head) * head_stride_;
  }

  KvShape shape_;
  std::int64_t tokens_;
  PagedBatch const* batch_;
  std::int64_t head_stride_ = 0;  ///< elements of a block and a head
  std::int64_t scales_at_ = 0;    ///< of these, those before the scales
  std::int64_t key_elements_ = 0;
  std::int64_t value_elements_ = 0;
};

}  // namespace talus::kernels::TALUS_TARGET
