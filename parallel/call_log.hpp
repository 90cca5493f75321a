// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string_view>

#include "parallel/rank_state.hpp"

namespace talus::parallel {

class CallLog;

/// A call that a rank has come to, as other ranks can find it.
struct CallTicket {
  CallLog* log = nullptr;  ///< null: nobody looks
  std::uint64_t group = 0;
  std::uint64_t number = 0;  ///< in its group, from 1
  std::uint64_t need = 0;    ///< count that the others must have reached
  std::uint64_t size = 0;    ///< ranks of the group
  CallText call;
  CallText group_name;
};

/// While it lives, this rank waits in a call. By the thread that calls MPI; not one in another.
class WaitScope {
 public:
  explicit WaitScope(CallTicket const& ticket) noexcept;
  ~WaitScope();

  WaitScope(WaitScope const&) = delete;
  WaitScope& operator=(WaitScope const&) = delete;

 private:
  CallLog* log_;
};

/// A communicator or a channel, as this rank's log knows it: its name, and how many calls this rank
/// has come to. Ranks that make the same groups in the same order give them the same ids.
class CallGroup {
 public:
  /// Nobody looks.
  CallGroup() noexcept = default;

  /// A group that others come from.
  ///
  /// \param log  outlives the group; null: nobody looks
  /// \param key  the same on all ranks of the group, and only there: CallLog::next_key of one
  CallGroup(CallLog* log, std::uint64_t key, std::string_view name, int size) noexcept;

  CallGroup(CallGroup&& other) noexcept;
  CallGroup& operator=(CallGroup&& other) noexcept;
  CallGroup(CallGroup const&) = delete;
  CallGroup& operator=(CallGroup const&) = delete;
  ~CallGroup();

  /// A group that was made of this one by the call that this rank came to last.
  ///
  /// \param key   which of those that the call made
  /// \param name  empty: as this one
  [[nodiscard]] CallGroup made_by_last_call(std::uint64_t key,
                                            std::string_view name,
                                            int size) const noexcept;

  /// A group that was made without a call.
  ///
  /// \param key  tells it from the others that were made of this one so
  [[nodiscard]] CallGroup part(std::uint64_t key, std::string_view name, int size) const noexcept;

  /// Comes to a call of all the group.
  CallTicket enter(CallText call) const noexcept;

  /// A wait for others that is no call of all: until all others' count is `need`.
  [[nodiscard]] CallTicket expect(CallText call, std::uint64_t need) const noexcept;

  /// As if this rank had come to a call.
  void count_up() const noexcept;

  /// Calls that this rank has come to.
  [[nodiscard]] std::uint64_t count() const noexcept;

  [[nodiscard]] CallLog* log() const noexcept { return log_; }

 private:
  /// What a group's id is made of.
  struct Id {
    std::uint64_t value;
  };

  CallGroup(CallLog* log, Id id, CallText name, int size) noexcept;

  CallLog* log_ = nullptr;
  RankState::Group* place_ = nullptr;  ///< in the log's state; null: it had no room
  std::uint64_t id_ = 0;
  std::uint64_t size_ = 0;
  CallText name_;
};

/// While it lives, this rank is in a call on a file. By any thread, but not by one that does it all
/// the time while the rank may stand still: the end of the call is progress of the rank.
class FileScope {
 public:
  /// \param log   null: nobody looks
  /// \param path  of the file
  FileScope(CallLog* log, CallText call, std::string_view path) noexcept;
  ~FileScope();

  FileScope(FileScope const&) = delete;
  FileScope& operator=(FileScope const&) = delete;

 private:
  RankState* state_;
};

/// While it lives, this rank waits for something outside of the job, for as long as it takes.
class PatienceScope {
 public:
  /// \param log  null: nobody looks
  explicit PatienceScope(CallLog* log) noexcept;
  ~PatienceScope();

  PatienceScope(PatienceScope const&) = delete;
  PatienceScope& operator=(PatienceScope const&) = delete;

 private:
  CallLog* log_;
};

/// Says where this rank is, for those that look when it doesn't go on: some words of memory, which
/// cost nanoseconds to write. A watchdog owns it, and reads it.
class CallLog {
 public:
  /// What is done on this rank before the job is ended: called by a thread of the watchdog.
  using LastWish = std::function<void()>;

  /// Keeps a wish until it is destroyed.
  class WishScope {
   public:
    WishScope() noexcept = default;
    WishScope(CallLog* log, LastWish wish);
    WishScope(WishScope&& other) noexcept;
    WishScope& operator=(WishScope&& other) noexcept;
    WishScope(WishScope const&) = delete;
    WishScope& operator=(WishScope const&) = delete;
    ~WishScope();

   private:
    CallLog* log_ = nullptr;
    std::list<LastWish>::iterator place_;
  };

  /// \param state  outlives the log; others may read it
  /// \param rank   in the job
  CallLog(RankState& state, int rank) noexcept
      : state_{&state}, next_key_{static_cast<std::uint64_t>(rank) << 32} {}

  CallLog(CallLog const&) = delete;
  CallLog& operator=(CallLog const&) = delete;

  /// What this rank does now.
  void set_phase(CallText phase) noexcept {
    put(state_->phase, phase);
    put_next(state_->moves);
  }

  /// \param layer  of the model; -1: none
  void set_layer(std::int64_t layer) noexcept {
    put(state_->layer, static_cast<std::uint64_t>(layer + 1));
  }

  void set_step(std::int64_t step) noexcept {
    put(state_->step, static_cast<std::uint64_t>(step + 1));
  }

  /// This rank goes on, though in the same call and phase.
  void move() noexcept { put_next(state_->moves); }

  /// What this rank is as a whole.
  void set_status(RankStatus status) noexcept { put(*state_, status); }

  /// A number that no other rank's log gives, and this one gives once.
  [[nodiscard]] std::uint64_t next_key() noexcept { return next_key_++; }

  /// Calls what was left, but waits for nobody who holds the list for longer than a second.
  void fulfil_wishes() noexcept;

  [[nodiscard]] RankState& state() noexcept { return *state_; }

 private:
  RankState* state_;
  std::uint64_t next_key_;
  std::timed_mutex mutex_;
  std::list<LastWish> wishes_;
};

}  // namespace talus::parallel
