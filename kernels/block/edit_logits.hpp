// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/sampling.hpp"

namespace talus::kernels::block {

/// A row's part [first, last) of a list that all rows share.
struct ListPart {
  std::int32_t first = 0;
  std::int32_t last = 0;
};

/// A LogitEdit, its lists parts of shared ones.
struct RowEdit {
  std::int32_t row = 0;
  ListPart allowed;
  ListPart banned;
  ListPart biases;
  ListPart counts;
  float repetition_penalty = 1.0F;
  float frequency_penalty = 0.0F;
  float presence_penalty = 0.0F;
};

/// The edits of the rows that have any, as they are uploaded.
struct EditLists {
  std::vector<RowEdit> rows;
  std::vector<std::int32_t> tokens;  ///< allowed and banned
  std::vector<TokenBias> biases;
  std::vector<TokenCount> counts;

  explicit EditLists(std::span<LogitEdit const> edits) {
    for (std::size_t row = 0; row < edits.size(); ++row) {
      LogitEdit const& edit = edits[row];
      if (!edit.is_empty()) {
        rows.push_back({static_cast<std::int32_t>(row),
                        append(tokens, edit.allowed),
                        append(tokens, edit.banned),
                        append(biases, edit.biases),
                        append(counts, edit.counts),
                        edit.repetition_penalty,
                        edit.frequency_penalty,
                        edit.presence_penalty});
      }
    }
  }

 private:
  template <class T>
  static ListPart append(std::vector<T>& all, std::span<T const> more) {
    auto const first = static_cast<std::int32_t>(all.size());
    all.insert(all.end(), more.begin(), more.end());
    return {first, static_cast<std::int32_t>(all.size())};
  }
};

/// Edits rows of logits, list after list.
///
/// Grid: rows with edits. Block: 256 threads share the elements of a list. No shared memory.
struct EditLogits {
  static constexpr char const* name = "talus::kernels::edit_logits";
  static constexpr int threads = 256;

  MatrixView<float> logits;
  GlobalSpan<RowEdit const> rows;
  GlobalSpan<std::int32_t const> tokens;
  GlobalSpan<TokenBias const> biases;
  GlobalSpan<TokenCount const> counts;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    RowEdit const edit = block.load(rows, block.block_index().x);
    if (edit.allowed.first < edit.allowed.last) {
      keep_allowed(block, edit);
      block.sync();
    }
    for_each(block, edit.banned, [&](std::int32_t i) {
      block.store(logits, edit.row, block.load(tokens, i), never);
    });
    block.sync();
    for_each(block, edit.biases, [&](std::int32_t i) {
      TokenBias const entry = block.load(biases, i);
      block.store(
          logits, edit.row, entry.token, block.load(logits, edit.row, entry.token) + entry.bias);
    });
    block.sync();
    for_each(block, edit.counts, [&](std::int32_t i) {
      TokenCount const entry = block.load(counts, i);
      float const logit = block.load(logits, edit.row, entry.token);
      block.store(logits, edit.row, entry.token, penalized(logit, entry, edit));
    });
  }

 private:
  static constexpr float never = -std::numeric_limits<float>::infinity();

  template <class Block, class Visit>
  static TALUS_DEVICE void for_each(Block& block, ListPart part, Visit const& visit) {
    for (std::int32_t i = part.first + block.thread_index(); i < part.last; i += threads) {
      visit(i);
    }
  }

  /// Takes away all tokens but those that are allowed.
  template <class Block>
  TALUS_DEVICE void keep_allowed(Block& block, RowEdit const& edit) const {
    for (std::int64_t v = block.thread_index(); v < logits.cols; v += threads) {
      if (!is_allowed(block, edit.allowed, static_cast<std::int32_t>(v))) {
        block.store(logits, edit.row, v, never);
      }
    }
  }

  /// Whether an ascending list has the token.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE bool is_allowed(Block& block,
                                             ListPart part,
                                             std::int32_t token) const {
    while (part.first < part.last) {
      std::int32_t const middle = part.first + (part.last - part.first) / 2;
      std::int32_t const found = block.load(tokens, middle);
      if (found == token) {
        return true;
      }
      part = found < token ? ListPart{middle + 1, part.last} : ListPart{part.first, middle};
    }
    return false;
  }

  [[nodiscard]] static TALUS_DEVICE float penalized(float logit,
                                                    TokenCount const& count,
                                                    RowEdit const& edit) {
    float value = logit > 0.0F ? logit / edit.repetition_penalty : logit * edit.repetition_penalty;
    if (count.in_output > 0) {
      value -= edit.frequency_penalty * static_cast<float>(count.in_output);
      value -= edit.presence_penalty;
    }
    return value;
  }
};

template <class Device>
void edit_logits(Device& device, MatrixView<float> logits, std::span<LogitEdit const> edits) {
  EditLists const lists{edits};
  if (lists.rows.empty()) {
    return;
  }
  device.launch({{std::ssize(lists.rows)}, EditLogits::threads},
                EditLogits{logits,
                           device.upload(std::span{lists.rows}),
                           device.upload(std::span{lists.tokens}),
                           device.upload(std::span{lists.biases}),
                           device.upload(std::span{lists.counts})});
}

}  // namespace talus::kernels::block
