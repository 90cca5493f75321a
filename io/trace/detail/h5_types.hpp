// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include <hdf5.h>

#include "io/trace/columns.hpp"
#include "io/trace/detail/h5_handle.hpp"

namespace talus::io::detail {

/// The compound type of a table's rows as they lie in memory (the struct's own offsets).
[[nodiscard]] H5Datatype memory_type(TableSchema const& schema);

/// The compound type of a table's rows in a file: the same columns, packed, little-endian.
[[nodiscard]] H5Datatype file_type(TableSchema const& schema);

/// The bytes of a row, as in memory, that says "no row": rank -1, all else zero.
[[nodiscard]] std::vector<std::byte> fill_row(TableSchema const& schema);

}  // namespace talus::io::detail
