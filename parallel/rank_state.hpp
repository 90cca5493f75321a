// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "parallel/call_text.hpp"

namespace talus::parallel {

/// What a rank says of itself as a whole.
enum class RankStatus : std::uint64_t {
  absent,    ///< nothing yet
  working,   ///< its calls and its progress count
  patient,   ///< waits for something outside of the job, for as long as it takes
  failed,    ///< an exception ended its work
  finished,  ///< has no more to do
};

/// What one rank does, and how far it has come in each of its groups: words only, written by the
/// rank and read by others of its node at any time, each word by itself (read_state). Nobody waits
/// for anybody, so what is read of a rank that moves may be of two moments; of one that stands
/// still it is exact, which is what it is for.
struct RankState {
  /// A group of ranks that wait for each other: a communicator, or a channel.
  struct Group {
    std::uint64_t id = 0;     ///< the same on all ranks of the group; 0: none
    std::uint64_t count = 0;  ///< calls that this rank has come to; and `left`

    /// Set once the rank has left the group.
    static constexpr std::uint64_t left = std::uint64_t{1} << 63;

    [[nodiscard]] bool has_left() const noexcept { return (count & left) != 0; }

    [[nodiscard]] std::uint64_t calls() const noexcept { return count & ~left; }
  };

  static constexpr std::size_t max_groups = 96;

  std::uint64_t status_word = 0;  ///< a RankStatus
  std::uint64_t pid = 0;
  SharedText<8> host;

  // By the rank's watchdog.
  std::uint64_t heartbeat = 0;  ///< grows while the process runs
  std::uint64_t idle_ms = 0;    ///< how long it has made no progress
  std::uint64_t order = 0;      ///< by another rank's watchdog: see Watchdog

  // By the thread that calls MPI.
  std::uint64_t moves = 0;   ///< grows with every call and phase
  std::uint64_t waits = 0;   ///< 1 while it is in a call
  CallText call;             ///< the last one
  CallText group_name;       ///< its group
  std::uint64_t group = 0;   ///< its group's id
  std::uint64_t number = 0;  ///< of the call in its group, from 1
  std::uint64_t need = 0;    ///< the count that the others must have reached for it to end
  std::uint64_t size = 0;    ///< ranks of the group
  CallText phase;            ///< what is done
  std::uint64_t layer = 0;   ///< 1 + the layer of the model; 0: none
  std::uint64_t step = 0;    ///< 1 + the step of the replica; 0: none

  // By any thread.
  std::uint64_t files = 0;       ///< file operations under way
  std::uint64_t file_moves = 0;  ///< grows with each that ends
  CallText file_call;            ///< the last one that began
  SharedText<16> file;           ///< the end of its path

  std::array<Group, max_groups> groups{};

  [[nodiscard]] RankStatus status() const noexcept { return static_cast<RankStatus>(status_word); }
};

static_assert(sizeof(RankState) % sizeof(std::uint64_t) == 0);
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "a lock would be the process's");

/// Writes a word that other processes read.
inline void put(std::uint64_t& word, std::uint64_t value) noexcept {
  std::atomic_ref{word}.store(value, std::memory_order_relaxed);
}

/// Adds to a word that only this thread writes.
inline void put_next(std::uint64_t& word) noexcept {
  put(word, std::atomic_ref{word}.load(std::memory_order_relaxed) + 1);
}

/// Writes a text that other processes read, word by word.
template <std::size_t num_words>
void put(SharedText<num_words>& text, SharedText<num_words> const& value) noexcept {
  for (std::size_t i = 0; i < num_words; ++i) {
    put(text.words()[i], value.words()[i]);
  }
}

/// Says what a rank is as a whole.
inline void put(RankState& state, RankStatus status) noexcept {
  put(state.status_word, static_cast<std::uint64_t>(status));
}

/// A word that another process writes.
[[nodiscard]] inline std::uint64_t get(std::uint64_t const& word) noexcept {
  return std::atomic_ref{const_cast<std::uint64_t&>(word)}.load(std::memory_order_relaxed);
}

/// A copy of a state that is being written.
[[nodiscard]] RankState read_state(RankState const& state) noexcept;

}  // namespace talus::parallel
