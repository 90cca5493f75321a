// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/checkpoint/loader.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/quantized.hpp"
#include "runtime/model/weight_blocks.hpp"

/// \file
/// How pieces of a checkpoint's tensors get into a packed matrix.

namespace talus::runtime {

/// A piece as rows of a matrix.
[[nodiscard]] kernels::RawRows raw_rows(io::TensorPiece const& piece);

/// The demand of a block that is not quantised. Keeps a reference to `target`.
[[nodiscard]] io::TensorDemand demand_plain(kernels::ExecContext const& exec,
                                            kernels::PackedWeights& target,
                                            TensorBlock const& block);

/// The demand of a block that is quantised as it comes, to a matrix of that format.
///
/// Groups that a cut of the columns goes through are demanded whole, and so are rows that share a
/// scale: the codes and scales of an element don't depend on the cut.
[[nodiscard]] io::TensorDemand demand_quantizing(kernels::ExecContext const& exec,
                                                 kernels::PackedWeights& target,
                                                 TensorBlock const& block,
                                                 kernels::QuantFormat const& format);

/// Puts a rectangle of a quantised block in its place, in a matrix of its format.
///
/// \param origin  of the rectangle, from the block's first output and input
void put_codes(kernels::ExecContext const& exec,
               kernels::PackedWeights& target,
               TensorBlock const& block,
               kernels::QuantRows const& rows,
               kernels::MatrixOrigin origin);

/// Puts a rectangle of a quantised block in its place, dequantised.
///
/// \param origin  of the rectangle, from the block's first output and input
void put_dequantized(kernels::ExecContext const& exec,
                     kernels::PackedWeights& target,
                     TensorBlock const& block,
                     kernels::QuantRows const& rows,
                     kernels::MatrixOrigin origin);

}  // namespace talus::runtime
