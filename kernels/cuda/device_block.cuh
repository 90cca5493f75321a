// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/block/block.hpp"
#include "kernels/block/fragments.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::kernels::cuda {

/// One thread's view of its block on a GPU: as kernels/block/README.md says, with nothing checked.
class DeviceBlock {
 public:
  __device__ int thread_index() const { return static_cast<int>(threadIdx.x); }

  __device__ int num_threads() const { return static_cast<int>(blockDim.x); }

  __device__ block::Dim3 block_index() const { return {blockIdx.x, blockIdx.y, blockIdx.z}; }

  __device__ block::Dim3 grid_size() const { return {gridDim.x, gridDim.y, gridDim.z}; }

  __device__ void sync() { __syncthreads(); }

  __device__ void sync_warp() { __syncwarp(); }

  template <class T>
  __device__ T shuffle_xor(T value, int mask) {
    return __shfl_xor_sync(whole_warp, value, mask);
  }

  template <class T>
  __device__ T shuffle(T value, int lane) {
    return __shfl_sync(whole_warp, value, lane);
  }

  __device__ std::uint32_t ballot(bool condition) { return __ballot_sync(whole_warp, condition); }

  __device__ bool any(bool condition) { return __any_sync(whole_warp, condition) != 0; }

  __device__ bool all(bool condition) { return __all_sync(whole_warp, condition) != 0; }

  template <class T>
  __device__ block::SharedSpan<T> shared(std::int64_t size) {
    std::int32_t const offset = used_;
    used_ += static_cast<std::int32_t>(block::shared_bytes_of<T>(size));
    return {offset, static_cast<std::int32_t>(size), 0};
  }

  template <class T>
  __device__ T load(block::SharedSpan<T> span, std::int64_t i) {
    return *at(span, i);
  }

  template <class T, int Size>
  __device__ block::Vector<T, Size> load(block::SharedSpan<T> span,
                                         std::int64_t i,
                                         block::Width<Size>) {
    return *reinterpret_cast<block::Vector<T, Size> const*>(at(span, i));
  }

  template <class T>
  __device__ void store(block::SharedSpan<T> span, std::int64_t i, std::type_identity_t<T> value) {
    *at(span, i) = value;
  }

  template <class T, int Size>
  __device__ void store(block::SharedSpan<T> span,
                        std::int64_t i,
                        block::Vector<T, Size> const& values) {
    *reinterpret_cast<block::Vector<T, Size>*>(at(span, i)) = values;
  }

  template <class T>
  __device__ std::remove_const_t<T> load(block::GlobalSpan<T> span, std::int64_t i) {
    return span.data[i];
  }

  template <class T, int Size>
  __device__ block::Vector<std::remove_const_t<T>, Size> load(block::GlobalSpan<T> span,
                                                              std::int64_t i,
                                                              block::Width<Size>) {
    return *vector_at<Size>(span.data + i);
  }

  template <class T>
  __device__ void store(block::GlobalSpan<T> span, std::int64_t i, std::type_identity_t<T> value) {
    span.data[i] = value;
  }

  template <class T, int Size>
  __device__ void store(block::GlobalSpan<T> span,
                        std::int64_t i,
                        block::Vector<T, Size> const& values) {
    *vector_at<Size>(span.data + i) = values;
  }

  template <class T>
  __device__ std::remove_const_t<T> load(MatrixView<T> const& view,
                                         std::int64_t i,
                                         std::int64_t j) {
    return view.data[i * view.row_stride + j];
  }

  template <class T, int Size>
  __device__ block::Vector<std::remove_const_t<T>, Size> load(MatrixView<T> const& view,
                                                              std::int64_t i,
                                                              std::int64_t j,
                                                              block::Width<Size>) {
    return *vector_at<Size>(view.data + i * view.row_stride + j);
  }

  template <class T>
  __device__ void store(MatrixView<T> const& view,
                        std::int64_t i,
                        std::int64_t j,
                        std::type_identity_t<T> value) {
    view.data[i * view.row_stride + j] = value;
  }

  template <class T, int Size>
  __device__ void store(MatrixView<T> const& view,
                        std::int64_t i,
                        std::int64_t j,
                        block::Vector<T, Size> const& values) {
    *vector_at<Size>(view.data + i * view.row_stride + j) = values;
  }

  template <class Integer>
  __device__ Integer atomic_add(block::GlobalSpan<Integer> span,
                                std::int64_t i,
                                std::type_identity_t<Integer> value) {
    return add_at(span.data + i, value);
  }

  template <class Integer>
  __device__ Integer atomic_add(block::SharedSpan<Integer> span,
                                std::int64_t i,
                                std::type_identity_t<Integer> value) {
    return add_at(at(span, i), value);
  }

  __device__ block::SumFragment mma(block::LeftFragment const& left,
                                    block::RightFragment const& right,
                                    block::SumFragment sums) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
    return sums;
  }

  __device__ block::IntegerFragment mma(block::LeftFragment const& left,
                                        block::RightFragment const& right,
                                        block::IntegerFragment sums) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
    return sums;
  }

  template <int Size>
  __device__ block::Vector<std::uint32_t, Size> load_pieces(block::SharedSpan<std::uint16_t> span,
                                                            std::int64_t i,
                                                            block::Width<Size>) {
    static_assert(Size == 2 || Size == 4);
    unsigned const address = shared_address(at(span, i));
    block::Vector<std::uint32_t, Size> values;
    if constexpr (Size == 2) {
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                   : "=r"(values[0]), "=r"(values[1])
                   : "r"(address)
                   : "memory");
    } else {
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                   : "=r"(values[0]), "=r"(values[1]), "=r"(values[2]), "=r"(values[3])
                   : "r"(address)
                   : "memory");
    }
    return values;
  }

  __device__ block::Vector<std::uint32_t, 4> load_transposed_pieces(
      block::SharedSpan<std::uint16_t> span, std::int64_t i) {
    block::Vector<std::uint32_t, 4> values;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(values[0]), "=r"(values[1]), "=r"(values[2]), "=r"(values[3])
                 : "r"(shared_address(at(span, i)))
                 : "memory");
    return values;
  }

  template <class T, int Size>
  __device__ void copy_async(block::SharedSpan<T> to,
                             std::int64_t i,
                             MatrixView<T const> const& from,
                             std::int64_t t,
                             std::int64_t j,
                             block::Width<Size>,
                             int count) {
    static_assert(sizeof(T) * Size == 16);
    // What nothing is read from must be an address nevertheless.
    T const* const first = count > 0 ? from.data + t * from.row_stride + j : from.data;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(at(to, i))),
                 "l"(__cvta_generic_to_global(first)),
                 "r"(count * static_cast<int>(sizeof(T)))
                 : "memory");
  }

  __device__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

  template <int Most>
  __device__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Most) : "memory");
  }

  /// Sets a flag that another device waits for, behind all that this block's threads stored before
  /// their last barrier.
  __device__ void publish(block::GlobalSpan<std::uint32_t> flags,
                          std::int64_t i,
                          std::uint32_t value) {
    __threadfence_system();
    *static_cast<std::uint32_t volatile*>(flags.data + i) = value;
  }

  /// Waits until another device has set the flag to `value` or, as numbers go on and round, one
  /// behind it: what it stored before is there then.
  __device__ void await(block::GlobalSpan<std::uint32_t> flags,
                        std::int64_t i,
                        std::uint32_t value) {
    auto const* const flag = static_cast<std::uint32_t const volatile*>(flags.data + i);
    while (static_cast<std::int32_t>(*flag - value) < 0) {
    }
    __threadfence_system();
  }

 private:
  __device__ static unsigned shared_address(void const* memory) {
    return static_cast<unsigned>(__cvta_generic_to_shared(memory));
  }

  static constexpr unsigned whole_warp = 0xFFFFFFFFU;

  template <class T>
  __device__ static T* at(block::SharedSpan<T> span, std::int64_t i) {
    extern __shared__ __align__(16) unsigned char memory[];
    return reinterpret_cast<T*>(memory + span.offset) + i;
  }

  __device__ static std::int32_t add_at(std::int32_t* to, std::int32_t value) {
    return atomicAdd(to, value);
  }

  /// CUDA adds 64 bits as unsigned ones, which are the same bits.
  __device__ static std::int64_t add_at(std::int64_t* to, std::int64_t value) {
    return static_cast<std::int64_t>(atomicAdd(reinterpret_cast<unsigned long long*>(to),
                                               static_cast<unsigned long long>(value)));
  }

  /// The elements that begin there, as one vector of them.
  template <int Size, class T>
  __device__ static auto* vector_at(T* first) {
    using Value = block::Vector<std::remove_const_t<T>, Size>;
    using Element = std::conditional_t<std::is_const_v<T>, Value const, Value>;
    return reinterpret_cast<Element*>(first);
  }

  std::int32_t used_ = 0;  ///< bytes of shared memory, known to the compiler
};

}  // namespace talus::kernels::cuda
