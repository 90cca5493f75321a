// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block/block.hpp"
#include "kernels/block/choices.hpp"
#include "kernels/block/integers.hpp"
#include "kernels/block/scan.hpp"
#include "kernels/moe.hpp"

namespace talus::kernels::block {

/// The choices of a rank that has all experts.
struct OwnChoices {
  GlobalSpan<std::int32_t const> ids;
  std::int64_t top_k = 1;
  GlobalSpan<std::int32_t> token_rows;
  GlobalSpan<std::int32_t> choice_rows;

  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int64_t size(Block&) const {
    return ids.size;
  }

  /// The expert of a choice; less than 0: one that has no place.
  template <class Block>
  [[nodiscard]] TALUS_DEVICE std::int32_t expert(Block& block, std::int64_t choice) const {
    return block.load(ids, choice);
  }

  template <class Block>
  TALUS_DEVICE void put(Block& block, std::int64_t choice, std::int32_t place) const {
    block.store(choice_rows, choice, place);
    block.store(token_rows, place, static_cast<std::int32_t>(choice / top_k));
  }
};

/// Puts the choices of one expert behind those of the experts before it, as they come. Each block
/// goes through all choices, which are few: so it needs nobody else's counts, and no atomics, which
/// would order them as chance has it.
///
/// Grid: experts. Block: eight warps, each with its share of the choices, one behind the other's.
/// Shared memory: one integer a warp.
///
/// \tparam Choices  what they are, and where their places are stored: as OwnChoices
template <class Choices>
struct OrderChoices {
  static constexpr char const* name = "talus::kernels::order_choices";
  static constexpr int threads = 256;

  Choices choices;
  GlobalSpan<std::int32_t> offsets;

  template <class Block>
  TALUS_DEVICE void operator()(Block& block) const {
    auto const partial = shared_array<std::int32_t>(block, scan_size(threads));
    auto const expert = static_cast<std::int32_t>(block.block_index().x);
    int const lane = block.thread_index() % warp_size;
    std::int32_t before = 0;  // choices of experts before this one
    std::int32_t own = 0;     // of this expert, of this warp
    for_each_choice(block, [&](std::int64_t, std::int32_t id) {
      before += count_bits(block.ballot(id >= 0 && id < expert));
      own += count_bits(block.ballot(id == expert));
    });
    auto const first = block_scan(block, lane == 0 ? before : 0, partial).total;
    auto const counted = block_scan(block, lane == 0 ? own : 0, partial);
    std::int32_t next = first + counted.upto - own;
    for_each_choice(block, [&](std::int64_t choice, std::int32_t id) {
      std::uint32_t const lanes = block.ballot(id == expert);
      if (id == expert) {
        std::uint32_t const lanes_before = lanes & ((1U << static_cast<unsigned>(lane)) - 1U);
        choices.put(block, choice, next + count_bits(lanes_before));
      }
      next += count_bits(lanes);
    });
    if (block.thread_index() == 0) {
      block.store(offsets, expert, first);
    }
    if (block.thread_index() == 0 && expert + 2 == offsets.size) {
      block.store(offsets, expert + 1, first + counted.total);
    }
  }

 private:
  /// Calls visit(choice, its expert) for this warp's share: all lanes at once, those that have none
  /// with an expert that there isn't.
  template <class Block, class Visit>
  TALUS_DEVICE void for_each_choice(Block& block, Visit const& visit) const {
    constexpr int num_warps = threads / warp_size;
    std::int64_t const size = choices.size(block);
    std::int64_t const share = round_up(ceil_div(size, num_warps), warp_size);
    std::int64_t const first = block.thread_index() / warp_size * share;
    std::int64_t const end = first + share < size ? first + share : size;
    for (std::int64_t i = first; i < end; i += warp_size) {
      std::int64_t const choice = i + block.thread_index() % warp_size;
      visit(choice, choice < end ? choices.expert(block, choice) : -1);
    }
  }
};

/// \param offsets  [experts + 1], in the device's memory
template <class Device, class Choices>
void order_choices(Device& device, Choices const& choices, std::span<std::int32_t> offsets) {
  using Kernel = OrderChoices<Choices>;
  device.launch({{std::ssize(offsets) - 1},
                 Kernel::threads,
                 shared_bytes_of<std::int32_t>(scan_size(Kernel::threads))},
                Kernel{choices, in_place(offsets)});
}

template <class Device>
void order_choices(Device& device,
                   std::span<std::int32_t const> expert_ids,
                   std::int64_t top_k,
                   ChoiceOrder const& order) {
  order_choices(
      device,
      OwnChoices{
          in_place(expert_ids), top_k, in_place(order.token_rows), in_place(order.choice_rows)},
      order.offsets);
}

}  // namespace talus::kernels::block
