// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <hdf5.h>

#include "runtime/base/source_location.hpp"

namespace talus::io::detail {

/// The innermost message of HDF5's error stack. Any other call into HDF5 clears it, so ask at once.
[[nodiscard]] std::string last_hdf5_error();

/// Passes on what an HDF5 function returned: an identifier, or a status of which negative is
/// failure.
///
/// \throws ApiError  if it failed, naming `call` and the innermost message of HDF5's error stack
hid_t hdf5_check(hid_t id, char const* call, SourceLocation where = SourceLocation::current());
herr_t hdf5_check(herr_t status,
                  char const* call,
                  SourceLocation where = SourceLocation::current());

}  // namespace talus::io::detail
