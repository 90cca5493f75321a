// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace talus::io {

/// The HDF5 library that this program runs with: "1.10.8".
[[nodiscard]] std::string hdf5_version();

}  // namespace talus::io
