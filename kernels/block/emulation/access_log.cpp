// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/access_log.hpp"

#include <algorithm>
#include <bit>

#include "kernels/block/block.hpp"

namespace talus::kernels::block::emulation {
namespace {

/// Whether an earlier access of the same block is ordered before `access`.
bool is_ordered_before(Access const& access,
                       int thread,
                       std::int64_t epoch,
                       std::int64_t warp_epoch) {
  bool const same_warp = thread / warp_size == access.thread / warp_size;
  return epoch < access.epoch || thread == access.thread ||
         (same_warp && warp_epoch < access.warp_epoch);
}

}  // namespace

void SharedLog::begin_block(int num_warps, std::int64_t epoch) {
  if (num_warps != num_warps_) {
    num_warps_ = num_warps;
    reads_.assign(cells_.size() * static_cast<std::size_t>(num_warps), {});
    std::fill(cells_.begin(), cells_.end(), Cell{});
  }
  first_epoch_ = epoch;
}

void SharedLog::reserve(std::int64_t count) {
  auto const size = std::max(cells_.size(), static_cast<std::size_t>(count));
  cells_.resize(size);
  reads_.resize(size * static_cast<std::size_t>(num_warps_));
}

bool SharedLog::is_written(std::int64_t element) const {
  return cells_[static_cast<std::size_t>(element)].write_epoch >= first_epoch_;
}

std::optional<Conflict> SharedLog::note(std::int64_t element, Access const& access) {
  Cell& cell = cells_[static_cast<std::size_t>(element)];
  bool const both_atomic =
      cell.written_by == AccessKind::atomic && access.kind == AccessKind::atomic;
  bool const is_ordered =
      cell.written_by != AccessKind::copy &&
      is_ordered_before(access, cell.writer, cell.write_epoch, cell.write_warp_epoch);
  if (cell.write_epoch >= first_epoch_ && !both_atomic && !is_ordered) {
    return Conflict{cell.written_by, cell.write_epoch, cell.writer};
  }
  if (access.kind == AccessKind::read) {
    note_read(element, cell, access);
    return std::nullopt;
  }
  auto const conflict = conflicting_read(element, cell, access);
  cell.write_epoch = access.epoch;
  cell.write_warp_epoch = access.warp_epoch;
  cell.writer = access.thread;
  cell.written_by = access.kind;
  return conflict;
}

void SharedLog::finish_copy(std::int64_t element, Access const& access) {
  Cell& cell = cells_[static_cast<std::size_t>(element)];
  cell.write_epoch = access.epoch;
  cell.write_warp_epoch = access.warp_epoch;
  cell.written_by = AccessKind::write;
}

std::optional<Conflict> SharedLog::conflicting_read(std::int64_t element,
                                                    Cell const& cell,
                                                    Access const& access) const {
  if (cell.read_epoch != access.epoch) {
    return std::nullopt;
  }
  for (int warp = 0; warp < num_warps_; ++warp) {
    WarpReads const& reads = reads_[static_cast<std::size_t>(element * num_warps_ + warp)];
    std::uint32_t lanes = reads.lanes;
    if (warp == access.thread / warp_size) {
      std::uint32_t const own = 1U << static_cast<unsigned>(access.thread % warp_size);
      lanes = reads.warp_epoch < access.warp_epoch ? 0 : lanes & ~own;
    }
    if (lanes != 0) {
      return Conflict{AccessKind::read, access.epoch, warp * warp_size + std::countr_zero(lanes)};
    }
  }
  return std::nullopt;
}

void SharedLog::note_read(std::int64_t element, Cell& cell, Access const& access) {
  auto const first = reads_.begin() + element * num_warps_;
  if (cell.read_epoch != access.epoch) {
    std::fill(first, first + num_warps_, WarpReads{});
    cell.read_epoch = access.epoch;
  }
  // Reads before a barrier of the warp count for other warps, as those after it do: an older lane
  // may be forgotten only if another one takes its place, which it does here.
  WarpReads& reads = first[access.thread / warp_size];
  if (reads.warp_epoch != access.warp_epoch) {
    reads = {access.warp_epoch, 0};
  }
  reads.lanes |= 1U << static_cast<unsigned>(access.thread % warp_size);
}

void GlobalLog::begin_launch() {
  pages_.clear();
  last_page_ = nullptr;
}

GlobalLog::Cell& GlobalLog::cell_of(void const* element) {
  auto const address = reinterpret_cast<std::uintptr_t>(element);
  std::uintptr_t const number = address / page_bytes;
  if (last_page_ == nullptr || number != last_number_) {
    std::unique_ptr<Page>& page = pages_[number];
    if (page == nullptr) {
      page = std::make_unique<Page>();
    }
    last_number_ = number;
    last_page_ = page.get();
  }
  return (*last_page_)[address % page_bytes];
}

bool GlobalLog::is_ordered(std::int64_t epoch, int thread, Access const& access) const {
  return epoch < 0 || (epoch >= first_epoch_ && (epoch < access.epoch || thread == access.thread));
}

std::optional<Conflict> GlobalLog::note(void const* element, Access const& access) {
  Cell& cell = cell_of(element);
  bool const both_atomic = cell.is_atomic && access.kind == AccessKind::atomic;
  if (!both_atomic && !is_ordered(cell.write_epoch, cell.writer, access)) {
    return Conflict{
        cell.is_atomic ? AccessKind::atomic : AccessKind::write, cell.write_epoch, cell.writer};
  }
  if (access.kind == AccessKind::read) {
    bool const is_other = cell.read_epoch < first_epoch_ || cell.reader != access.thread;
    if (cell.read_epoch >= 0 && is_other) {
      cell.other_read_epoch = cell.read_epoch;
      cell.other_reader = cell.reader;
    }
    cell.read_epoch = access.epoch;
    cell.reader = access.thread;
    return std::nullopt;
  }
  if (!is_ordered(cell.read_epoch, cell.reader, access)) {
    return Conflict{AccessKind::read, cell.read_epoch, cell.reader};
  }
  if (!is_ordered(cell.other_read_epoch, cell.other_reader, access)) {
    return Conflict{AccessKind::read, cell.other_read_epoch, cell.other_reader};
  }
  cell.write_epoch = access.epoch;
  cell.writer = access.thread;
  cell.is_atomic = access.kind == AccessKind::atomic;
  return std::nullopt;
}

}  // namespace talus::kernels::block::emulation
