// SPDX-License-Identifier: Apache-2.0
#include "kernels/block/emulation/block_run.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/block/emulation/emulated_block.hpp"

namespace talus::kernels::block::emulation {
namespace {

/// Thrown where a thread waits, to unwind its stack.
struct Cancelled {};

constexpr std::int64_t most_blocks_x = 2147483647;
constexpr std::int64_t most_blocks_yz = 65535;
constexpr std::int64_t most_shared_bytes = 227 << 10;  // of compute capability 9.0

/// What shared memory holds before anyone writes: NaN, whatever its type.
constexpr int poison = 0xFF;

char const* verb_of(AccessKind kind) {
  switch (kind) {
    case AccessKind::read:
      return "reads";
    case AccessKind::write:
      return "writes";
    case AccessKind::atomic:
      return "updates";
    case AccessKind::copy:
      return "copies to";
  }
  return "";
}

std::string place_of(SourceLocation where) {
  return concat(where.file, ':', where.line);
}

}  // namespace

void BlockRun::check_shape() const {
  Dim3 const& grid = shape_.grid;
  bool const grid_fits = grid.x >= 1 && grid.x <= most_blocks_x && grid.y >= 1 &&
                         grid.y <= most_blocks_yz && grid.z >= 1 && grid.z <= most_blocks_yz;
  bool const threads_fit = shape_.threads >= warp_size && shape_.threads <= max_block_threads &&
                           shape_.threads % warp_size == 0;
  if (!grid_fits || !threads_fit || shape_.shared_bytes > most_shared_bytes) {
    throw KernelFault{FaultKind::launch,
                      concat(kernel_->name(),
                             ": grid ",
                             grid.x,
                             " x ",
                             grid.y,
                             " x ",
                             grid.z,
                             ", ",
                             shape_.threads,
                             " threads, ",
                             shape_.shared_bytes,
                             " bytes of shared memory (no GPU takes that)"),
                      SourceLocation::current()};
  }
}

void BlockRun::run_grid(AnyKernel const& kernel, LaunchShape const& shape) {
  kernel_ = &kernel;
  shape_ = shape;
  check_shape();
  while (std::ssize(fibers_) < shape.threads) {
    fibers_.push_back(std::make_unique<Fiber>(static_cast<int>(fibers_.size())));
  }
  global_log_.begin_launch();
  std::vector<std::int64_t> blocks;
  orders_.next(blocks, shape.grid.x * shape.grid.y * shape.grid.z);
  if (kernel.meets_peers()) {
    std::ranges::sort(blocks);
  }
  for (std::int64_t const number : blocks) {
    run_block(number);
  }
}

void BlockRun::begin_block() {
  ++epoch_;
  threads_.assign(static_cast<std::size_t>(shape_.threads), {});
  exchanged_.resize(static_cast<std::size_t>(shape_.threads / warp_size));
  shared_.resize(static_cast<std::size_t>(shape_.shared_bytes));
  std::fill(shared_.begin(), shared_.end(), static_cast<std::byte>(poison));
  arrays_.clear();
  used_bytes_ = 0;
  num_elements_ = 0;
  shared_log_.begin_block(shape_.threads / warp_size, epoch_);
  global_log_.begin_block(epoch_);
  for (int thread = 0; thread < shape_.threads; ++thread) {
    fibers_[static_cast<std::size_t>(thread)]->start(*this);
  }
}

void BlockRun::run_block(std::int64_t number) {
  block_index_ = {number % shape_.grid.x,
                  number / shape_.grid.x % shape_.grid.y,
                  number / (shape_.grid.x * shape_.grid.y)};
  begin_block();
  do {
    run_ready_threads();
  } while (release());
  bool const all_returned = std::all_of(threads_.begin(), threads_.end(), [](Thread const& thread) {
    return thread.state == State::returned;
  });
  if (!all_returned) {
    report_divergence();
  }
}

void BlockRun::run_ready_threads() {
  orders_.next(order_, shape_.threads);
  for (int const thread : order_) {
    if (threads_[static_cast<std::size_t>(thread)].state != State::ready) {
      continue;
    }
    fibers_[static_cast<std::size_t>(thread)]->resume();
    if (fault_) {
      cancel();
      std::rethrow_exception(std::exchange(fault_, nullptr));
    }
  }
}

void BlockRun::run(int number) noexcept {
  threads_[static_cast<std::size_t>(number)].is_inside = true;
  try {
    EmulatedBlock block{*this, number};
    kernel_->run(block);
  } catch (Cancelled const&) {
  } catch (...) {
    fault_ = std::current_exception();
  }
  threads_[static_cast<std::size_t>(number)].state = State::returned;
  threads_[static_cast<std::size_t>(number)].is_inside = false;
}

void BlockRun::cancel() {
  is_cancelled_ = true;
  for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
    if (threads_[thread].is_inside) {
      fibers_[thread]->resume();
    }
  }
  is_cancelled_ = false;
}

void BlockRun::wait(int thread, Wait const& wait) {
  Thread& own = threads_[static_cast<std::size_t>(thread)];
  own.state = State::waiting;
  own.wait = wait;
  fibers_[static_cast<std::size_t>(thread)]->suspend();
  if (is_cancelled_) {
    throw Cancelled{};
  }
}

WarpValues const& BlockRun::exchange(int thread, LaneValue const& value, Wait const& wait) {
  threads_[static_cast<std::size_t>(thread)].value = value;
  this->wait(thread, wait);
  return exchanged_[static_cast<std::size_t>(thread / warp_size)];
}

void BlockRun::end_warp_epoch(int thread) {
  ++threads_[static_cast<std::size_t>(thread)].waits_of_warp;
}

bool BlockRun::release() {
  bool any = false;
  for (int warp = 0; warp < shape_.threads / warp_size; ++warp) {
    any = release_warp(warp) || any;
  }
  return any || release_block();
}

bool BlockRun::release_warp(int warp) {
  int const first = warp * warp_size;
  for (int lane = 0; lane < warp_size; ++lane) {
    Thread const& thread = threads_[static_cast<std::size_t>(first + lane)];
    if (thread.state != State::waiting || thread.wait.kind != Wait::Kind::warp) {
      return false;
    }
  }
  require_same_place(first, first + warp_size);
  for (int lane = 0; lane < warp_size; ++lane) {
    Thread& thread = threads_[static_cast<std::size_t>(first + lane)];
    exchanged_[static_cast<std::size_t>(warp)][static_cast<std::size_t>(lane)] = thread.value;
    thread.state = State::ready;
  }
  return true;
}

bool BlockRun::release_block() {
  for (Thread const& thread : threads_) {
    if (thread.state != State::waiting || thread.wait.kind != Wait::Kind::block) {
      return false;
    }
  }
  require_same_place(0, shape_.threads);
  ++epoch_;
  for (Thread& thread : threads_) {
    thread.state = State::ready;
  }
  return true;
}

void BlockRun::require_same_place(int first, int last) {
  Wait const& wanted = threads_[static_cast<std::size_t>(first)].wait;
  for (int thread = first + 1; thread < last; ++thread) {
    Wait const& wait = threads_[static_cast<std::size_t>(thread)].wait;
    if (wait.where.line != wanted.where.line ||
        std::strcmp(wait.where.file, wanted.where.file) != 0) {
      report_divergence();
    }
  }
}

void BlockRun::report_divergence() {
  // Neighbouring threads that do the same are told together.
  std::string text;
  for (int first = 0; first < shape_.threads;) {
    std::string const what = describe(first);
    int last = first + 1;
    while (last < shape_.threads && describe(last) == what) {
      ++last;
    }
    text += concat(text.empty() ? "" : "; ",
                   last - first == 1 ? concat("thread ", first, ' ')
                                     : concat("threads ", first, " to ", last - 1, ' '),
                   what);
    first = last;
  }
  cancel();
  throw KernelFault{FaultKind::divergence,
                    concat(name_of_block(), ": threads wait for each other (", text, ')'),
                    SourceLocation::current()};
}

SharedSpan<std::byte> BlockRun::allocate(int thread, std::int64_t size, std::int64_t bytes) {
  int const number = threads_[static_cast<std::size_t>(thread)].num_arrays++;
  if (number < std::ssize(arrays_)) {
    Array const& array = arrays_[static_cast<std::size_t>(number)];
    if (array.span.size != size || array.bytes != bytes) {
      fail(FaultKind::divergence,
           thread,
           concat("asks for a shared array of ",
                  size,
                  " x ",
                  bytes,
                  " bytes (another thread for one of ",
                  array.span.size,
                  " x ",
                  array.bytes,
                  ')'),
           SourceLocation::current());
    }
    return array.span;
  }
  std::int64_t const end = used_bytes_ + round_up(size * bytes, 16);
  if (size < 0 || end > shape_.shared_bytes) {
    fail(FaultKind::range,
         thread,
         concat("asks for shared arrays of ", end, " bytes (", shape_.shared_bytes, " were given)"),
         SourceLocation::current());
  }
  SharedSpan<std::byte> const span{
      static_cast<std::int32_t>(used_bytes_), static_cast<std::int32_t>(size), num_elements_};
  used_bytes_ = end;
  num_elements_ += span.size;
  shared_log_.reserve(num_elements_);
  arrays_.push_back({span, bytes});
  return span;
}

void BlockRun::note_shared(
    int thread, std::int64_t element, int count, AccessKind kind, SourceLocation where) {
  Access const access{
      kind, thread, epoch_, threads_[static_cast<std::size_t>(thread)].waits_of_warp};
  for (std::int64_t i = element; i < element + count; ++i) {
    bool const needs_value = kind == AccessKind::read || kind == AccessKind::atomic;
    if (needs_value && !shared_log_.is_written(i)) {
      fail(FaultKind::uninitialised,
           thread,
           concat(verb_of(kind), " shared memory that nobody has written"),
           where);
    }
    if (auto const conflict = shared_log_.note(i, access)) {
      fail(FaultKind::race,
           thread,
           concat(verb_of(kind), " shared memory that ", describe(*conflict, true)),
           where);
    }
  }
}

void BlockRun::begin_copy(int thread, PendingCopy copy, SourceLocation where) {
  note_shared(thread, copy.element, copy.count, AccessKind::copy, where);
  std::fill_n(shared_.begin() + copy.offset, copy.bytes.size(), static_cast<std::byte>(poison));
  Thread& own = threads_[static_cast<std::size_t>(thread)];
  copy.group = own.copy_groups;
  own.copies.push_back(std::move(copy));
}

void BlockRun::end_copy_group(int thread) {
  ++threads_[static_cast<std::size_t>(thread)].copy_groups;
}

void BlockRun::finish_copies(int thread, std::int64_t most) {
  Thread& own = threads_[static_cast<std::size_t>(thread)];
  Access const access{AccessKind::write, thread, epoch_, own.waits_of_warp};
  std::erase_if(own.copies, [&](PendingCopy const& copy) {
    if (copy.group >= own.copy_groups - most) {
      return false;
    }
    std::copy(copy.bytes.begin(), copy.bytes.end(), shared_.begin() + copy.offset);
    for (int i = 0; i < copy.count; ++i) {
      shared_log_.finish_copy(copy.element + i, access);
    }
    return true;
  });
}

void BlockRun::note_global(int thread, void const* element, AccessKind kind, SourceLocation where) {
  if (auto const conflict = global_log_.note(element, {kind, thread, epoch_})) {
    fail(FaultKind::race,
         thread,
         concat(verb_of(kind),
                " global memory that ",
                describe(*conflict, global_log_.is_own(conflict->epoch))),
         where);
  }
}

void BlockRun::fail(FaultKind kind,
                    int thread,
                    std::string const& problem,
                    SourceLocation where) const {
  throw KernelFault{
      kind,
      concat(name_of_block(), ": thread ", thread, ' ', problem, " at ", place_of(where)),
      where};
}

std::string BlockRun::name_of_block() const {
  return concat(kernel_->name(),
                ": block (",
                block_index_.x,
                ", ",
                block_index_.y,
                ", ",
                block_index_.z,
                ')');
}

std::string BlockRun::describe(int number) const {
  Thread const& thread = threads_[static_cast<std::size_t>(number)];
  switch (thread.state) {
    case State::returned:
      return "has returned";
    case State::ready:
      return "could go on";
    case State::waiting:
      return concat("waits in the ", thread.wait.what, " at ", place_of(thread.wait.where));
  }
  return "";
}

std::string BlockRun::describe(Conflict const& conflict, bool is_own) const {
  return concat(is_own ? concat("thread ", conflict.thread) : std::string{"another block"},
                ' ',
                verb_of(conflict.kind),
                is_own ? ", with no barrier between" : "");
}

}  // namespace talus::kernels::block::emulation
