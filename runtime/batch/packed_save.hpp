// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <mpi.h>

#include "runtime/base/reporter.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// Where packed weights go.
struct PackedOutput {
  std::filesystem::path folder;
  bool overwrite = false;  ///< a folder of packed weights that is there is replaced
  std::string version;     ///< of this program, for the manifest
  std::string gpu_arch{};  ///< of GPUs that weights are packed for without them: see plan_packing
};

/// Loads a checkpoint as a run with these options does, and writes each part of the weights as it
/// lies in memory, with a manifest and what else a run needs of the model's folder: the new folder
/// is a model by itself. It appears when all of it is there. Collective over `comm`.
///
/// Of replicas the first one writes. For GPUs that aren't here (see plan_packing) weights are
/// packed in memory of the host. \throws ConfigError  on every rank: before anything is loaded, if
/// the options don't fit or the
///                      folder can't be made; later, if the checkpoint is refused or a file can't
///                      be written; nothing is left behind then
void save_packed(MPI_Comm comm,
                 ModelOptions const& options,
                 PackedOutput const& output,
                 Reporter& reporter);

}  // namespace talus::runtime
