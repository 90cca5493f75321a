// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include <mpi.h>

namespace talus::parallel {

/// What can be sent as it lies in memory, one MPI element each: numbers of any kind, bytes,
/// enumerators. Send other structures as bytes (std::as_bytes).
template <class T>
concept Movable = std::is_trivially_copyable_v<T> &&
    (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8);

/// Numbers on which MPI can reduce.
template <class T>
concept Reducible = std::same_as<T, float> || std::same_as<T, double> ||
    (std::integral<T> && !std::same_as<T, bool> && Movable<T>);

/// An MPI type of the size of T, for messages that only move.
template <Movable T>
[[nodiscard]] MPI_Datatype moved_type() noexcept {
  if constexpr (sizeof(T) == 1) {
    return MPI_BYTE;
  } else if constexpr (sizeof(T) == 2) {
    return MPI_UINT16_T;
  } else if constexpr (sizeof(T) == 4) {
    return MPI_UINT32_T;
  } else {
    return MPI_UINT64_T;
  }
}

/// The MPI type of T, for reductions.
template <Reducible T>
[[nodiscard]] MPI_Datatype reduced_type() noexcept {
  if constexpr (std::same_as<T, float>) {
    return MPI_FLOAT;
  } else if constexpr (std::same_as<T, double>) {
    return MPI_DOUBLE;
  } else if constexpr (sizeof(T) == 1) {
    return std::signed_integral<T> ? MPI_INT8_T : MPI_UINT8_T;
  } else if constexpr (sizeof(T) == 2) {
    return std::signed_integral<T> ? MPI_INT16_T : MPI_UINT16_T;
  } else if constexpr (sizeof(T) == 4) {
    return std::signed_integral<T> ? MPI_INT32_T : MPI_UINT32_T;
  } else {
    return std::signed_integral<T> ? MPI_INT64_T : MPI_UINT64_T;
  }
}

}  // namespace talus::parallel
