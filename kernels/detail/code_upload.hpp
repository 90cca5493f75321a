// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/operations.hpp"

namespace talus::kernels::detail {

/// Packs quantised rows on the host, and copies the panels of outputs that they are in to where a
/// device keeps the matrix. Panels that the rows fill only in part are fetched from there first.
void upload_codes(ExecContext const& exec,
                  CodeStore const& store,
                  MatrixOrigin origin,
                  QuantRows const& rows);

}  // namespace talus::kernels::detail
