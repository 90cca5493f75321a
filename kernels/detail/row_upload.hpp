// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels::detail {

/// Converts rows on the host, and copies them to where a device keeps a matrix as rows.
///
/// Safe from several threads.
void upload_as_rows(ExecContext const& exec,
                    WeightStore const& store,
                    MatrixOrigin origin,
                    RawRows const& rows);

}  // namespace talus::kernels::detail
