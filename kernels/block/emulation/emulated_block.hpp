// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/block/block.hpp"
#include "kernels/block/emulation/block_run.hpp"
#include "kernels/block/fragments.hpp"
#include "kernels/block/math.hpp"
#include "runtime/base/dtype.hpp"
#include "runtime/base/matrix_view.hpp"
#include "runtime/base/source_location.hpp"

namespace talus::kernels::block::emulation {

/// One thread's view of its block: what kernels/cuda/device_block.cuh is on a GPU, with every
/// access checked, and the caller's place told with what is wrong.
class EmulatedBlock {
 public:
  using Where = SourceLocation;

  EmulatedBlock(BlockRun& run, int thread) : run_{run}, thread_{thread} {}

  [[nodiscard]] int thread_index() const noexcept { return thread_; }

  [[nodiscard]] int num_threads() const noexcept { return run_.num_threads(); }

  [[nodiscard]] Dim3 block_index() const noexcept { return run_.block_index(); }

  [[nodiscard]] Dim3 grid_size() const noexcept { return run_.grid(); }

  void sync(Where where = Where::current()) {
    run_.wait(thread_, {Wait::Kind::block, "barrier", where});
  }

  void sync_warp(Where where = Where::current()) {
    run_.wait(thread_, {Wait::Kind::warp, "warp barrier", where});
    run_.end_warp_epoch(thread_);
  }

  template <class T>
  [[nodiscard]] T shuffle_xor(T value, int mask, Where where = Where::current()) {
    return shuffle(value, thread_ % warp_size ^ mask, where);
  }

  /// The value of another lane.
  template <class T>
  [[nodiscard]] T shuffle(T value, int lane, Where where = Where::current()) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
    if (lane < 0 || lane >= warp_size) {
      run_.fail(FaultKind::range, thread_, concat("shuffles from lane ", lane), where);
    }
    LaneValue own{};
    std::memcpy(own.data(), &value, sizeof value);
    auto const& all = run_.exchange(thread_, own, {Wait::Kind::warp, "shuffle", where});
    std::memcpy(&value, all[static_cast<std::size_t>(lane)].data(), sizeof value);
    return value;
  }

  /// Bit i: whether the condition holds in lane i.
  [[nodiscard]] std::uint32_t ballot(bool condition, Where where = Where::current()) {
    LaneValue const own{condition ? 1U : 0U};
    auto const& all = run_.exchange(thread_, own, {Wait::Kind::warp, "vote", where});
    std::uint32_t bits = 0;
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      bits |= static_cast<std::uint32_t>(all[lane][0]) << lane;
    }
    return bits;
  }

  [[nodiscard]] bool any(bool condition, Where where = Where::current()) {
    return ballot(condition, where) != 0;
  }

  [[nodiscard]] bool all(bool condition, Where where = Where::current()) {
    return ballot(condition, where) == ~std::uint32_t{0};
  }

  template <class T>
  [[nodiscard]] SharedSpan<T> shared(std::int64_t size) {
    auto const span = run_.allocate(thread_, size, sizeof(T));
    return {span.offset, span.size, span.number};
  }

  /// Of an array in global or shared memory.
  template <template <class> class Span, class T>
  [[nodiscard]] std::remove_const_t<T> load(Span<T> span,
                                            std::int64_t i,
                                            Where where = Where::current()) {
    return copy_of(at<1>(span, i, AccessKind::read, where));
  }

  template <template <class> class Span, class T, int Size>
  [[nodiscard]] Vector<std::remove_const_t<T>, Size> load(Span<T> span,
                                                          std::int64_t i,
                                                          Width<Size>,
                                                          Where where = Where::current()) {
    Vector<std::remove_const_t<T>, Size> values;
    std::memcpy(&values, at<Size>(span, i, AccessKind::read, where), sizeof values);
    return values;
  }

  template <template <class> class Span, class T>
  void store(Span<T> span,
             std::int64_t i,
             std::type_identity_t<T> value,
             Where where = Where::current()) {
    copy_to(at<1>(span, i, AccessKind::write, where), value);
  }

  template <template <class> class Span, class T, int Size>
  void store(Span<T> span,
             std::int64_t i,
             Vector<T, Size> const& values,
             Where where = Where::current()) {
    std::memcpy(at<Size>(span, i, AccessKind::write, where), &values, sizeof values);
  }

  template <class T>
  [[nodiscard]] std::remove_const_t<T> load(MatrixView<T> const& view,
                                            std::int64_t i,
                                            std::int64_t j,
                                            Where where = Where::current()) {
    return *at<1>(view, i, j, AccessKind::read, where);
  }

  template <class T, int Size>
  [[nodiscard]] Vector<std::remove_const_t<T>, Size> load(MatrixView<T> const& view,
                                                          std::int64_t i,
                                                          std::int64_t j,
                                                          Width<Size>,
                                                          Where where = Where::current()) {
    Vector<std::remove_const_t<T>, Size> values;
    std::memcpy(&values, at<Size>(view, i, j, AccessKind::read, where), sizeof values);
    return values;
  }

  template <class T>
  void store(MatrixView<T> const& view,
             std::int64_t i,
             std::int64_t j,
             std::type_identity_t<T> value,
             Where where = Where::current()) {
    *at<1>(view, i, j, AccessKind::write, where) = value;
  }

  template <class T, int Size>
  void store(MatrixView<T> const& view,
             std::int64_t i,
             std::int64_t j,
             Vector<T, Size> const& values,
             Where where = Where::current()) {
    std::memcpy(at<Size>(view, i, j, AccessKind::write, where), &values, sizeof values);
  }

  /// What was there before. Of integers only: sums of floats would depend on who comes first.
  template <template <class> class Span, class Integer>
  Integer atomic_add(Span<Integer> span,
                     std::int64_t i,
                     std::type_identity_t<Integer> value,
                     Where where = Where::current()) {
    static_assert(std::is_same_v<Integer, std::int32_t> || std::is_same_v<Integer, std::int64_t>);
    Integer* const to = at<1>(span, i, AccessKind::atomic, where);
    Integer const before = copy_of(to);
    copy_to(to, static_cast<Integer>(before + value));
    return before;
  }

  /// left * right + sums, each sum over its inputs in order, fused, from the sum before on: an
  /// order of ours, since none is specified.
  [[nodiscard]] SumFragment mma(LeftFragment const& left,
                                RightFragment const& right,
                                SumFragment sums,
                                Where where = Where::current()) {
    auto const& all = exchange_fragments(left, right, where);
    int const lane = thread_ % warp_size;
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < fragment_inputs; ++i) {
        float const weight = element_of(all, 0, left_place(sum_output(lane, k), i));
        float const input = element_of(all, 4, right_place(i, sum_row(lane, k)));
        sums[k] = multiply_add(weight, input, sums[k]);
      }
    }
    return sums;
  }

  /// left * right + sums of integers, which are exact.
  [[nodiscard]] IntegerFragment mma(LeftFragment const& left,
                                    RightFragment const& right,
                                    IntegerFragment sums,
                                    Where where = Where::current()) {
    auto const& all = exchange_fragments(left, right, where);
    int const lane = thread_ % warp_size;
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < integer_inputs; ++i) {
        sums[k] += integer_of(all, 0, left_integer(sum_output(lane, k), i)) *
                   integer_of(all, 4, right_integer(i, sum_row(lane, k)));
      }
    }
    return sums;
  }

  /// `Size` pieces of 8 x 8 elements: the row of lane l is row l % 8 of piece l / 8, and begins at
  /// its `i`. A lane gets elements 2 (lane % 4) and the next of row lane / 4 of each.
  template <int Size>
  [[nodiscard]] Vector<std::uint32_t, Size> load_pieces(SharedSpan<std::uint16_t> span,
                                                        std::int64_t i,
                                                        Width<Size>,
                                                        Where where = Where::current()) {
    auto const& all = rows_of_pieces<Size>(span, i, where);
    int const lane = thread_ % warp_size;
    Vector<std::uint32_t, Size> values;
    for (int piece = 0; piece < Size; ++piece) {
      auto const source = static_cast<std::size_t>(piece * piece_size + lane / 4);
      auto const first = static_cast<std::int64_t>(all[source][0]) + lane % 4 * 2;
      auto const pair = load(span, first, width<2>, where);
      std::memcpy(&values[piece], &pair, sizeof pair);
    }
    return values;
  }

  /// Four pieces, as above; but a lane gets what is in column lane / 4 of each: the elements of
  /// rows 2 (lane % 4) and the next.
  [[nodiscard]] Vector<std::uint32_t, 4> load_transposed_pieces(SharedSpan<std::uint16_t> span,
                                                                std::int64_t i,
                                                                Where where = Where::current()) {
    auto const& all = rows_of_pieces<4>(span, i, where);
    int const lane = thread_ % warp_size;
    Vector<std::uint32_t, 4> values;
    for (int piece = 0; piece < 4; ++piece) {
      values[piece] = 0;
      for (int half = 0; half < 2; ++half) {
        auto const source = static_cast<std::size_t>(piece * piece_size + lane % 4 * 2 + half);
        auto const first = static_cast<std::int64_t>(all[source][0]) + lane / 4;
        values[piece] |= std::uint32_t{load(span, first, where)} << (16 * half);
      }
    }
    return values;
  }

  /// Begins to copy elements [j, j + Size) of row t, 16 bytes, to shared memory: `count` of them,
  /// and zeros for the others. They are there after wait_copies() and a barrier.
  template <class T, int Size>
  void copy_async(SharedSpan<T> to,
                  std::int64_t i,
                  MatrixView<T const> const& from,
                  std::int64_t t,
                  std::int64_t j,
                  Width<Size>,
                  int count,
                  Where where = Where::current()) {
    static_assert(sizeof(T) * Size == 16);
    Vector<T, Size> values{};
    if (count > 0) {
      check_range(t, 1, from.rows, where);
      check_range(j, count, from.cols, where);
      T const* const first = from.data + t * from.row_stride + j;
      check_alignment(first, sizeof values, where);
      for (int k = 0; k < count; ++k) {
        values[k] = *note<1>(first + k, AccessKind::read, where);
      }
    }
    check_range(i, Size, to.size, where);
    check_shared_alignment(to, i, sizeof values, where);
    std::vector<std::byte> bytes(sizeof values);
    std::memcpy(bytes.data(), &values, sizeof values);
    std::int64_t const offset = to.offset + i * static_cast<std::int64_t>(sizeof(T));
    run_.begin_copy(thread_, {0, to.number + i, Size, offset, std::move(bytes)}, where);
  }

  /// Ends a group of copies that this thread has begun.
  void commit_copies() { run_.end_copy_group(thread_); }

  /// Returns when the thread's groups of copies are done, but for the last `Most`.
  template <int Most>
  void wait_copies() {
    run_.finish_copies(thread_, Most);
  }

  /// Sets a flag that another device waits for, behind all that this block's threads stored
  /// before their last barrier.
  void publish(GlobalSpan<std::uint32_t> flags,
               std::int64_t i,
               std::uint32_t value,
               Where where = Where::current()) {
    check_range(i, 1, flags.size, where);
    std::atomic_ref{flags.data[i]}.store(value, std::memory_order_release);
  }

  /// Waits until another device has set the flag to `value` or, as numbers go on and round, one
  /// behind it: what it stored before is there then.
  void await(GlobalSpan<std::uint32_t> flags,
             std::int64_t i,
             std::uint32_t value,
             Where where = Where::current()) {
    check_range(i, 1, flags.size, where);
    auto const limit = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    auto const is_before = [&] {
      std::uint32_t const flag = std::atomic_ref{flags.data[i]}.load(std::memory_order_acquire);
      return static_cast<std::int32_t>(flag - value) < 0;
    };
    while (is_before()) {
      if (std::chrono::steady_clock::now() > limit) {
        run_.fail(FaultKind::divergence, thread_, "waits for a flag that nobody sets", where);
      }
      std::this_thread::yield();
    }
  }

 private:
  /// What a warp's lanes give to mma().
  [[nodiscard]] WarpValues const& exchange_fragments(LeftFragment const& left,
                                                     RightFragment const& right,
                                                     Where where) {
    LaneValue own{};
    std::memcpy(own.data(), &left, sizeof left);
    std::memcpy(own.data() + 2, &right, sizeof right);
    return run_.exchange(thread_, own, {Wait::Kind::warp, "mma", where});
  }

  /// An element of what a warp's lanes gave to mma(); `first` is the matrix' first register.
  [[nodiscard]] static std::int32_t integer_of(WarpValues const& all,
                                               int first,
                                               IntegerPlace const& place) {
    std::int8_t value = 0;
    auto const* const registers =
        reinterpret_cast<char const*>(all[static_cast<std::size_t>(place.lane)].data());
    std::memcpy(&value, registers + (first + place.number) * 4 + place.byte, sizeof value);
    return value;
  }

  [[nodiscard]] static float element_of(WarpValues const& all,
                                        int first,
                                        FragmentPlace const& place) {
    std::uint16_t bits = 0;
    auto const* const registers =
        reinterpret_cast<char const*>(all[static_cast<std::size_t>(place.lane)].data());
    std::memcpy(&bits, registers + (first + place.number) * 4 + place.half * 2, sizeof bits);
    return bf16_to_float(bits);
  }

  /// Where the rows of `Size` pieces begin: each lane tells that of one.
  template <int Size>
  [[nodiscard]] WarpValues const& rows_of_pieces(SharedSpan<std::uint16_t> span,
                                                 std::int64_t i,
                                                 Where where) {
    if (thread_ % warp_size < Size * piece_size) {
      check_range(i, piece_size, span.size, where);
      check_shared_alignment(span, i, piece_size * sizeof(std::uint16_t), where);
    }
    LaneValue const own{static_cast<std::uint64_t>(i)};
    return run_.exchange(thread_, own, {Wait::Kind::warp, "load of pieces", where});
  }

  /// Of memory that may begin anywhere, as a block's shared memory does.
  template <class T>
  [[nodiscard]] static std::remove_const_t<T> copy_of(T* from) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::remove_const_t<T> value;
    std::memcpy(static_cast<void*>(&value), from, sizeof value);
    return value;
  }

  template <class T>
  static void copy_to(T* to, T const& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::memcpy(static_cast<void*>(to), &value, sizeof value);
  }

  template <class T, int Size>
  static constexpr std::size_t alignment_of = Size == 1 ? alignof(T) : sizeof(T) * Size;

  void check_range(std::int64_t i, std::int64_t count, std::int64_t size, Where where) const {
    if (i < 0 || i + count > size) {
      run_.fail(FaultKind::range,
                thread_,
                count == 1 ? concat("is at element ", i, " of ", size)
                           : concat("is at elements ", i, " to ", i + count - 1, " of ", size),
                where);
    }
  }

  void check_alignment(void const* address, std::size_t bytes, Where where) const {
    if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0) {
      run_.fail(FaultKind::alignment,
                thread_,
                concat("is at memory that begins at no multiple of ", bytes, " bytes"),
                where);
    }
  }

  template <int Size, class T>
  [[nodiscard]] T* at(SharedSpan<T> span, std::int64_t i, AccessKind kind, Where where) {
    check_range(i, Size, span.size, where);
    run_.note_shared(thread_, span.number + i, Size, kind, where);
    check_shared_alignment(span, i, alignment_of<T, Size>, where);
    std::int64_t const offset = span.offset + i * static_cast<std::int64_t>(sizeof(T));
    return reinterpret_cast<T*>(run_.shared_memory() + offset);
  }

  /// The memory itself begins anywhere: what counts is the offset.
  template <class T>
  void check_shared_alignment(SharedSpan<T> span,
                              std::int64_t i,
                              std::size_t bytes,
                              Where where) const {
    std::int64_t const offset = span.offset + i * static_cast<std::int64_t>(sizeof(T));
    check_alignment(reinterpret_cast<void const*>(offset), bytes, where);
  }

  template <int Size, class T>
  [[nodiscard]] T* at(GlobalSpan<T> span, std::int64_t i, AccessKind kind, Where where) {
    check_range(i, Size, span.size, where);
    return note<Size>(span.data + i, kind, where);
  }

  template <int Size, class T>
  [[nodiscard]] T* at(
      MatrixView<T> const& view, std::int64_t i, std::int64_t j, AccessKind kind, Where where) {
    check_range(i, 1, view.rows, where);
    check_range(j, Size, view.cols, where);
    return note<Size>(view.data + i * view.row_stride + j, kind, where);
  }

  template <int Size, class T>
  [[nodiscard]] T* note(T* first, AccessKind kind, Where where) {
    check_alignment(first, alignment_of<T, Size>, where);
    for (int k = 0; k < Size; ++k) {
      run_.note_global(thread_, first + k, kind, where);
    }
    return first;
  }

  BlockRun& run_;
  int thread_;
};

}  // namespace talus::kernels::block::emulation
