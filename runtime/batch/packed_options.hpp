// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "io/sharded/manifest.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/run_options.hpp"
#include "runtime/model/spec.hpp"
#include "runtime/quantization/weight_precision.hpp"

/// \file
/// What a folder of packed weights says to the options of a run: it was written for one cut, one
/// backend and one precision, and no other can use it.

namespace talus::runtime {

/// The manifest of the model's folder; null, if weights come from a checkpoint or from nowhere.
/// Rank 0 reads it. Collective over `comm`.
///
/// \throws ConfigError  on every rank, if it is damaged, or --load-format asks for what the folder
///                      doesn't hold
[[nodiscard]] std::shared_ptr<io::ShardManifest const> find_manifest(
    parallel::Communicator const& comm, ModelOptions const& options);

/// The options with the sizes and the backend that the user left to choose set to those of the
/// manifest. Without a manifest, as they are.
///
/// \throws ConfigError  naming the flag and both values, if one that was given differs
[[nodiscard]] ModelOptions with_manifest(io::ShardManifest const* manifest,
                                         ModelOptions const& options);

/// The same for the folder that the options name. Collective over `comm`.
[[nodiscard]] ModelOptions resolve_options(parallel::Communicator const& comm,
                                           ModelOptions const& options);

/// A precision as a manifest has it: "none", "checkpoint", or the format that was quantised to.
[[nodiscard]] std::string quantization_name(WeightPrecision const& precision);

/// The precision of packed weights.
///
/// \param asked  what the options would make of a checkpoint
/// \throws ConfigError  naming the flag and both values, if the user gave one that differs
[[nodiscard]] WeightPrecision packed_precision(io::ShardManifest const& manifest,
                                               ModelOptions const& options,
                                               WeightPrecision const& asked);

/// Refuses weights that were packed in another order than this program's kernels read, or from
/// another config.json.
///
/// \param config  the text of config.json
/// \throws ConfigError  naming the manifest
void check_packing(io::ShardManifest const& manifest,
                   ModelOptions const& options,
                   std::string const& config,
                   kernels::ExecContext const& exec);

}  // namespace talus::runtime
