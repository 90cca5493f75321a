// SPDX-License-Identifier: Apache-2.0
#include "parallel/call_log.hpp"

#include <chrono>
#include <utility>

namespace talus::parallel {

namespace {

// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014: its mixer.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
  value = (value ^ value >> 27) * 0x94d049bb133111ebU;
  return value ^ value >> 31;
}

std::uint64_t id_of(std::uint64_t parent, std::uint64_t number, std::uint64_t key) noexcept {
  return mixed(mixed(mixed(parent) ^ number) ^ key) | 1;  // 0 is no group
}

// The place of a group: one that was never used, else one whose group is gone; null: there is none.
// What is gone is kept as long as can be: others may wait for a rank that has left.
RankState::Group* place_for(RankState& state, std::uint64_t id) noexcept {
  RankState::Group* found = nullptr;
  for (RankState::Group& place : state.groups) {
    if (place.id == id) {
      return place.has_left() ? &place : nullptr;  // two at a time can't be told apart
    }
    if (place.id == 0) {
      return &place;
    }
    if (found == nullptr && place.has_left()) {
      found = &place;
    }
  }
  return found;
}

}  // namespace

RankState read_state(RankState const& state) noexcept {
  RankState copy;
  auto* const to = reinterpret_cast<std::uint64_t*>(&copy);
  auto const* const from = reinterpret_cast<std::uint64_t const*>(&state);
  for (std::size_t i = 0; i < sizeof(RankState) / sizeof(std::uint64_t); ++i) {
    to[i] = get(from[i]);
  }
  return copy;
}

WaitScope::WaitScope(CallTicket const& ticket) noexcept : log_{ticket.log} {
  if (log_ == nullptr) {
    return;
  }
  RankState& state = log_->state();
  put(state.call, ticket.call);
  put(state.group_name, ticket.group_name);
  put(state.group, ticket.group);
  put(state.number, ticket.number);
  put(state.need, ticket.need);
  put(state.size, ticket.size);
  put(state.waits, 1);
  put_next(state.moves);
}

WaitScope::~WaitScope() {
  if (log_ != nullptr) {
    put(log_->state().waits, 0);
    put_next(log_->state().moves);
  }
}

CallGroup::CallGroup(CallLog* log, std::uint64_t key, std::string_view name, int size) noexcept
    : CallGroup{log, Id{id_of(0, 0, key)}, CallText{name}, size} {}

CallGroup::CallGroup(CallLog* log, Id id, CallText name, int size) noexcept
    : log_{log}, id_{id.value}, size_{static_cast<std::uint64_t>(size)}, name_{name} {
  if (log_ == nullptr) {
    return;
  }
  place_ = place_for(log_->state(), id_);
  if (place_ != nullptr) {
    put(place_->count, 0);
    put(place_->id, id_);
  }
}

CallGroup::CallGroup(CallGroup&& other) noexcept
    : log_{std::exchange(other.log_, nullptr)},
      place_{std::exchange(other.place_, nullptr)},
      id_{other.id_},
      size_{other.size_},
      name_{other.name_} {}

CallGroup& CallGroup::operator=(CallGroup&& other) noexcept {
  std::swap(log_, other.log_);
  std::swap(place_, other.place_);
  std::swap(id_, other.id_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  return *this;
}

CallGroup::~CallGroup() {
  if (place_ != nullptr) {
    put(place_->count, place_->count | RankState::Group::left);
  }
}

CallGroup CallGroup::made_by_last_call(std::uint64_t key,
                                       std::string_view name,
                                       int size) const noexcept {
  return {log_, Id{id_of(id_, count(), key)}, name.empty() ? name_ : CallText{name}, size};
}

CallGroup CallGroup::part(std::uint64_t key, std::string_view name, int size) const noexcept {
  constexpr std::uint64_t no_call = ~std::uint64_t{0};
  return {log_, Id{id_of(id_, no_call, key)}, CallText{name}, size};
}

CallTicket CallGroup::enter(CallText call) const noexcept {
  count_up();
  CallTicket ticket = expect(call, count());
  ticket.number = ticket.need;
  return ticket;
}

CallTicket CallGroup::expect(CallText call, std::uint64_t need) const noexcept {
  return {.log = log_,
          .group = place_ == nullptr ? 0 : id_,
          .number = need,
          .need = need,
          .size = size_,
          .call = call,
          .group_name = name_};
}

void CallGroup::count_up() const noexcept {
  if (place_ != nullptr) {
    put_next(place_->count);
  }
}

std::uint64_t CallGroup::count() const noexcept {
  return place_ == nullptr ? 0 : get(place_->count);
}

FileScope::FileScope(CallLog* log, CallText call, std::string_view path) noexcept
    : state_{log == nullptr ? nullptr : &log->state()} {
  if (state_ == nullptr) {
    return;
  }
  using Path = SharedText<16>;
  std::size_t const cut = path.size() > Path::max_size ? path.size() - Path::max_size : 0;
  put(state_->file_call, call);
  put(state_->file, Path{path.substr(cut)});
  std::atomic_ref{state_->files}.fetch_add(1, std::memory_order_relaxed);
}

FileScope::~FileScope() {
  if (state_ != nullptr) {
    std::atomic_ref{state_->files}.fetch_sub(1, std::memory_order_relaxed);
    std::atomic_ref{state_->file_moves}.fetch_add(1, std::memory_order_relaxed);
  }
}

CallLog::WishScope::WishScope(CallLog* log, LastWish wish) : log_{log} {
  if (log_ != nullptr) {
    std::lock_guard const lock{log_->mutex_};
    place_ = log_->wishes_.insert(log_->wishes_.end(), std::move(wish));
  }
}

CallLog::WishScope::WishScope(WishScope&& other) noexcept
    : log_{std::exchange(other.log_, nullptr)}, place_{other.place_} {}

CallLog::WishScope& CallLog::WishScope::operator=(WishScope&& other) noexcept {
  std::swap(log_, other.log_);
  std::swap(place_, other.place_);
  return *this;
}

CallLog::WishScope::~WishScope() {
  if (log_ != nullptr) {
    std::lock_guard const lock{log_->mutex_};
    log_->wishes_.erase(place_);
  }
}

PatienceScope::PatienceScope(CallLog* log) noexcept : log_{log} {
  if (log_ != nullptr) {
    log_->set_status(RankStatus::patient);
  }
}

PatienceScope::~PatienceScope() {
  if (log_ != nullptr) {
    log_->set_status(RankStatus::working);
    log_->move();
  }
}

void CallLog::fulfil_wishes() noexcept {
  std::unique_lock const lock{mutex_, std::chrono::seconds{1}};
  if (!lock.owns_lock()) {
    return;
  }
  for (LastWish const& wish : wishes_) {
    try {
      wish();
    } catch (...) {  // the job ends anyway
    }
  }
}

}  // namespace talus::parallel
