// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace talus::parallel {

/// Whether the MPI library says, when asked, that it takes addresses in the memory of NVIDIA's GPUs
/// as its buffers. One that can't be asked counts as one that doesn't.
[[nodiscard]] bool mpi_takes_gpu_memory();

}  // namespace talus::parallel
