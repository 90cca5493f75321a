// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kv_cache.hpp"
#include "kernels/lanes/lanes.hpp"

namespace talus::kernels::TALUS_TARGET {

/// Where things are in this backend's cache, in elements.
///
/// A block holds, head after head, the keys in panels of 16 positions, each [key_dim, 16], and then
/// the values, [block_tokens, value_dim]; a latent is [block_tokens, key_dim] and serves as both.
class KvBlocks {
 public:
  KvBlocks(KvCache const& cache, PagedBatch const& batch)
      : shape_{cache.shape()}, tokens_{cache.block_tokens()}, batch_{&batch} {
    token_elements_ = shape_.token_bytes() / size_of(shape_.dtype);
    head_elements_ = token_elements_ / shape_.num_heads * tokens_;
  }

  /// The panel of keys (or the first row of the latent) of the 16 positions from `position`.
  /// \pre position is a multiple of 16
  [[nodiscard]] std::int64_t key_panel(std::int64_t s,
                                       std::int64_t head,
                                       std::int64_t position) const {
    return start(s, head, position) + position % tokens_ * shape_.key_dim;
  }

  /// The row of values of `position`; the rows of a block follow one another.
  [[nodiscard]] std::int64_t value_row(std::int64_t s,
                                       std::int64_t head,
                                       std::int64_t position) const {
    std::int64_t const slot = position % tokens_;
    if (shape_.value_in_key) {
      return start(s, head, position) + slot * shape_.key_dim;
    }
    return start(s, head, position) + tokens_ * shape_.key_dim + slot * shape_.value_dim;
  }

  /// Elements from one position's values to the next one's.
  [[nodiscard]] std::int64_t value_stride() const noexcept {
    return shape_.value_in_key ? shape_.key_dim : shape_.value_dim;
  }

  [[nodiscard]] std::int64_t block_tokens() const noexcept { return tokens_; }

 private:
  [[nodiscard]] std::int64_t start(std::int64_t s, std::int64_t head, std::int64_t position) const {
    auto const entry = static_cast<std::size_t>(s * batch_->max_blocks + position / tokens_);
    return batch_->block_tables[entry] * tokens_ * token_elements_ + head * head_elements_;
  }

  KvShape shape_;
  std::int64_t tokens_;
  PagedBatch const* batch_;
  std::int64_t token_elements_ = 0;
  std::int64_t head_elements_ = 0;
};

}  // namespace talus::kernels::TALUS_TARGET
