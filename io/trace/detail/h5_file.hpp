// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "io/trace/detail/h5_handle.hpp"

namespace talus::io::detail {

/// Creates a file of the trace, replacing an older one, in a form that survives a killed writer.
///
/// The oldest file format has no checksums and no marks for "open", so that a reader can open the
/// file at any time, the writer alive or dead; for the same reason no lock is taken. One node of a
/// table's index is made large enough for any run we know of (2,048 chunks), because dividing a
/// node is the one change that isn't a single write in place.
///
/// \throws ConfigError  if it can't be created, with the reason
[[nodiscard]] H5File create_trace_file(std::filesystem::path const& file);

/// The growth of a dataset along its first dimension, in rows.
struct Growth {
  hsize_t rows_before;
  hsize_t rows_after;
  hsize_t chunk_rows;
  hsize_t row_bytes;
};

/// Makes the file longer for the chunks that a dataset is about to gain, and flushes that.
///
/// HDF5 writes the file's new length last, after the index that points to the new chunk: killed
/// between the two, the writer would leave a table that can't be read. So the length comes first.
/// Does nothing if no chunk is gained.
void reserve_chunks(hid_t file, Growth const& growth);

}  // namespace talus::io::detail
