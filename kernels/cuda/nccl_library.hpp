// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "kernels/device_group.hpp"

struct CUstream_st;  // CUDA's stream

namespace talus::kernels::cuda {

/// NCCL's functions that are used here, looked up in its library at run time: a program needs
/// neither its header nor the library. They return 0 where all is well.
///
/// Reference: NVIDIA, "NCCL documentation", API (communicators; point to point; groups; types).
struct NcclFunctions {
  using Communicator = void*;

  int (*get_version)(int* version) = nullptr;
  char const* (*error_text)(int result) = nullptr;
  int (*make_id)(DeviceGroupId* id) = nullptr;
  int (*join)(Communicator* communicator, int size, DeviceGroupId id, int rank) = nullptr;
  int (*destroy)(Communicator communicator) = nullptr;
  int (*abort)(Communicator communicator) = nullptr;
  int (*get_async_error)(Communicator communicator, int* result) = nullptr;
  int (*begin_group)() = nullptr;
  int (*end_group)() = nullptr;
  int (*send)(void const* memory,
              std::size_t count,
              int type,
              int peer,
              Communicator communicator,
              CUstream_st* stream) = nullptr;
  int (*receive)(void* memory,
                 std::size_t count,
                 int type,
                 int peer,
                 Communicator communicator,
                 CUstream_st* stream) = nullptr;
};

/// The library, or why there is none.
struct NcclLibrary {
  NcclFunctions functions;
  int version = 0;      ///< 22304: 2.23.4
  std::string problem;  ///< empty where it can be used
};

/// The file name that NCCL 2 is installed under.
inline constexpr char const* nccl_file = "libnccl.so.2";

/// NCCL's type of bytes.
inline constexpr int nccl_bytes = 1;

/// NCCL's answer that it isn't done yet: no error.
inline constexpr int nccl_in_progress = 7;

/// Opens NCCL, which stays open to the program's end.
///
/// \param file  a path, or a name that the dynamic linker looks for
[[nodiscard]] NcclLibrary open_nccl(std::string const& file = nccl_file);

/// "2.23.4" of 22304.
[[nodiscard]] std::string nccl_version_text(int version);

}  // namespace talus::kernels::cuda
