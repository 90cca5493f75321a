// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "runtime/base/assert.hpp"
#include "runtime/scheduler/scheduler.hpp"

/// \file
/// The part of the scheduler that lets sequences share the blocks of their prompt.

namespace talus::runtime {

bool Scheduler::join_family(SequenceId id, SequenceId sibling) {
  Sequence& other = at(sibling);
  TALUS_EXPECT(other.is_live && other.prompt_tokens == at(id).prompt_tokens);
  std::int32_t const shared_tokens = other.prompt_tokens - 1;
  if (other.family == no_family) {
    bool const has_prompt = other.num_computed >= shared_tokens;
    if (shared_tokens == 0 || (has_prompt && !other.tables.covers(geometry_, shared_tokens))) {
      return false;
    }
    other.family = open_family(sibling, shared_tokens);
    at(id).family = other.family;
    ++family_of(at(id)).num_waiting;
    if (has_prompt) {
      capture_prompt(other.family);
    }
  } else {
    at(id).family = other.family;
    ++family_of(at(id)).num_waiting;
  }
  Family& family = family_of(at(id));
  if (family.has_prompt) {
    waiting_.push_back(id);
  } else {
    family.parked.push_back(id);
    ++num_parked_;
  }
  return true;
}

std::int32_t Scheduler::open_family(SequenceId source, std::int32_t shared_tokens) {
  if (free_families_.empty()) {
    free_families_.push_back(static_cast<std::int32_t>(families_.size()));
    families_.emplace_back();
  }
  std::int32_t const number = free_families_.back();
  free_families_.pop_back();
  Family& family = families_[static_cast<std::size_t>(number)];
  family.source = source;
  family.has_prompt = false;
  family.num_waiting = 0;
  family.shared_tokens = shared_tokens;
  family.prompt.reserve(geometry_, shared_tokens);
  return number;
}

void Scheduler::close_family(std::int32_t number) {
  Family& family = families_[static_cast<std::size_t>(number)];
  TALUS_EXPECT(family.num_waiting == 0 && family.parked.empty());
  if (family.has_prompt) {
    family.prompt.clear(pool_);
    prompts_.erase(std::find(prompts_.begin(), prompts_.end(), number));
  } else {
    at(family.source).family = no_family;
  }
  free_families_.push_back(number);
}

void Scheduler::capture_prompt(std::int32_t number) {
  Family& family = families_[static_cast<std::size_t>(number)];
  Sequence& source = at(family.source);
  source.family = no_family;
  family.has_prompt = true;
  family.prompt.share(pool_,
                      geometry_,
                      source.tables,
                      geometry_.blocks_for(family.shared_tokens),
                      family.shared_tokens);
  prompts_.push_back(number);
  waiting_.insert(waiting_.begin(), family.parked.begin(), family.parked.end());
  num_parked_ -= static_cast<std::int32_t>(family.parked.size());
  family.parked.clear();
}

void Scheduler::start_shared(SequenceId id) {
  Sequence& sequence = at(id);
  Family const& family = family_of(sequence);
  std::int32_t const whole = whole_blocks(family);
  sequence.tables.share(pool_, geometry_, family.prompt, whole, family.shared_tokens);
  sequence.num_computed = family.shared_tokens;
}

void Scheduler::copy_last_block(StepPlan& plan, SequenceId id) {
  Sequence& sequence = at(id);
  Family const& family = family_of(sequence);
  std::int32_t const whole = whole_blocks(family);
  if (whole < geometry_.blocks_for(family.shared_tokens)) {
    auto const entry = static_cast<std::size_t>(whole);
    for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
      if (BlockId const from = family.prompt.table(group)[entry]; from != no_block) {
        plan.block_copies.push_back({.from = from, .to = sequence.tables.table(group)[entry]});
      }
    }
  }
}

void Scheduler::leave_family(SequenceId id) {
  std::int32_t const number = at(id).family;
  Family& family = family_of(at(id));
  at(id).family = no_family;
  if (family.has_prompt || family.source != id) {
    auto const place = std::find(family.parked.begin(), family.parked.end(), id);
    if (place != family.parked.end()) {
      family.parked.erase(place);
      --num_parked_;
    }
  } else {
    // The prompt isn't there and its source ends: the next member computes it.
    family.source = family.parked.front();
    family.parked.erase(family.parked.begin());
    --num_parked_;
    waiting_.push_front(family.source);
  }
  if (--family.num_waiting == 0) {
    close_family(number);
  }
}

bool Scheduler::drop_prompt(std::int32_t spared, std::int32_t least_freed) {
  auto const victim = std::find_if(prompts_.rbegin(), prompts_.rend(), [&](std::int32_t number) {
    Family const& family = families_[static_cast<std::size_t>(number)];
    return number != spared && family.prompt.num_sole(pool_) >= least_freed;
  });
  if (victim == prompts_.rend()) {
    return false;
  }
  std::int32_t const number = *victim;
  Family& family = families_[static_cast<std::size_t>(number)];
  prompts_.erase(std::next(victim).base());
  family.prompt.clear(pool_);
  family.has_prompt = false;
  park_members(number);
  return true;
}

void Scheduler::park_members(std::int32_t number) {
  Family& family = families_[static_cast<std::size_t>(number)];
  bool has_source = false;
  std::erase_if(waiting_, [&](SequenceId id) {
    if (at(id).family != number) {
      return false;
    }
    if (!has_source) {
      family.source = id;
      has_source = true;
      return false;
    }
    family.parked.push_back(id);
    ++num_parked_;
    return true;
  });
  if (--family.num_waiting == 0) {
    close_family(number);
  }
}

bool Scheduler::is_parked(SequenceId id) const {
  std::int32_t const number = at(id).family;
  if (number == no_family) {
    return false;
  }
  Family const& family = families_[static_cast<std::size_t>(number)];
  return !family.has_prompt && family.source != id;
}

bool Scheduler::shares(Sequence const& sequence) const {
  return sequence.family != no_family && family_of(sequence).has_prompt;
}

std::int32_t Scheduler::whole_blocks(Family const& family) const {
  return family.shared_tokens / options_.block_tokens;
}

std::int64_t Scheduler::blocks_to_admit(Sequence const& sequence) const {
  std::int32_t const tokens = predicted_tokens(sequence);
  if (!shares(sequence)) {
    return predicted_blocks(sequence, tokens);
  }
  Family const& family = family_of(sequence);
  std::int32_t const whole = whole_blocks(family);
  std::int64_t blocks = geometry_.most_blocks(tokens, 1);
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    // See predicted_blocks(): what it shares within windows comes on top.
    std::int32_t const first = geometry_.first_block(group, family.shared_tokens);
    blocks += geometry_.is_windowed(group) ? whole - std::min(first, whole) : -whole;
  }
  return blocks;
}

std::int64_t Scheduler::empty_tokens(Family const& family) const {
  std::int32_t const filled = family.shared_tokens % options_.block_tokens;
  if (filled == 0) {
    return 0;
  }
  std::int64_t room = 0;
  for (std::int32_t group = 0; group < geometry_.num_groups(); ++group) {
    BlockId const last = family.prompt.table(group).back();
    if (last != no_block && pool_.owners(last) == 1) {
      room += options_.block_tokens - filled;
    }
  }
  return room;
}

}  // namespace talus::runtime
