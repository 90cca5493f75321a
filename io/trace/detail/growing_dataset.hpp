// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <hdf5.h>

#include "io/trace/columns.hpp"
#include "io/trace/detail/h5_handle.hpp"

namespace talus::io::detail {

/// What a GrowingDataset is made of.
struct GrowingDatasetSpec {
  std::string path;
  hid_t memory_type;               ///< of an element as append() gets it; kept by copy
  hid_t file_type;                 ///< of an element in the file
  std::vector<hsize_t> row_shape;  ///< of a row; empty if a row is one element
  hsize_t chunk_rows;              ///< rows that the file makes room for at a time
  void const* fill;                ///< an element of memory_type that says "nothing"; null: zero
};

/// A dataset [rows, ...] of a file made by create_trace_file(), to which rows are appended such
/// that a file whose writer is killed, at any moment, can be read with all rows flushed before.
///
/// HDF5 flushes rows first, then the index and the number of rows, in place, then the file's
/// length. So the only danger is an index that points behind the file's length, when a chunk is
/// added. Therefore the length comes first: a nameless dataset, the placeholder, takes as much
/// space as the chunk will, the file is flushed, and the placeholder gives its space back, to the
/// chunk. Chunks come into being filled (no hole at the file's end), and aren't compressed (a chunk
/// never moves).
class GrowingDataset {
 public:
  /// Creates the dataset, without rows.
  GrowingDataset(hid_t file, GrowingDatasetSpec const& spec);

  /// Appends `num_rows` rows; they are in the file after the next flush, and some may be before.
  void append(void const* rows, std::size_t num_rows);

  [[nodiscard]] hid_t id() const noexcept { return dataset_.get(); }

 private:
  void append_within_chunk(std::byte const* rows, hsize_t num_rows);
  void reserve_chunk();

  hid_t file_;  // not owned
  H5Datatype memory_type_;
  std::vector<hsize_t> size_;  // of the dataset, its first number being the rows
  hsize_t chunk_rows_;
  std::size_t row_bytes_;  // in memory
  H5Dataset dataset_;
  hsize_t chunk_bytes_;  // in the file
  H5Dataset placeholder_;
};

/// Creates the table of a schema, and describes its columns.
[[nodiscard]] GrowingDataset create_table(hid_t file,
                                          TableSchema const& schema,
                                          hsize_t chunk_rows);

}  // namespace talus::io::detail
