// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace talus::runtime {

/// What is wanted of traffic between devices: the option --comm.
enum class CommOption {
  automatic,  ///< the devices' own library where it can be used, else MPI
  mpi,        ///< MPI
  nccl,       ///< NCCL, or an error
};

/// "auto", "mpi", "nccl".
///
/// \throws ConfigError  naming what is allowed
[[nodiscard]] CommOption comm_option_from(std::string_view name);

/// How activations travel between the ranks of a group.
enum class TrafficKind : std::uint8_t {
  direct,     ///< in the host's memory, by MPI
  staged,     ///< through the host's memory, by MPI
  gpu_aware,  ///< from device to device, by an MPI that takes their memory
  nccl,       ///< from device to device, by NCCL
};

/// "host memory", "MPI through host memory", "GPU-aware MPI", "NCCL".
[[nodiscard]] char const* name_of(TrafficKind kind) noexcept;

/// What a rank of a group with devices has for traffic between them.
struct TrafficMeans {
  std::string card;                      ///< of its device: host and address
  std::string library_problem;           ///< why NCCL can't be used here; empty: it can
  bool mpi_takes_device_memory = false;  ///< as MPI says itself
};

/// How it is done, and why.
struct TrafficChoice {
  TrafficKind kind = TrafficKind::direct;
  std::string reason;

  friend bool operator==(TrafficChoice const&, TrafficChoice const&) = default;
};

/// Chooses for a group whose ranks all have devices: the same on every rank that knows the same.
///
/// \param ranks  of the group, in order
/// \throws ConfigError  if NCCL is wanted and can't be used, naming the rank and what it lacks
[[nodiscard]] TrafficChoice choose_traffic(CommOption wanted, std::span<TrafficMeans const> ranks);

}  // namespace talus::runtime
