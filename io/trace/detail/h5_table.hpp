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

/// The properties of a dataset that grows along its first dimension, made so that a file whose
/// writer is killed can still be read: chunks come into being filled (no hole at the file's end),
/// and aren't compressed (a chunk never moves).
[[nodiscard]] H5PropertyList growing_dataset(std::vector<hsize_t> const& chunk);

/// Access properties of such a dataset: no chunk cache, so that appending writes the new bytes
/// only.
[[nodiscard]] H5PropertyList without_chunk_cache();

/// A table of a file: a dataset [rows] of a compound type, which grows.
class H5Table {
 public:
  /// Creates the table.
  ///
  /// \param chunk_rows  rows that the file makes room for at a time
  H5Table(hid_t file, TableSchema const& schema, hsize_t chunk_rows);

  /// Appends `num_rows` rows, each schema.row_bytes long; in the file at the next flush.
  void append(void const* rows, std::size_t num_rows);

 private:
  hid_t file_;  // not owned
  hsize_t chunk_rows_;
  hsize_t row_bytes_;
  H5Datatype memory_type_;
  H5Dataset dataset_;
  hsize_t num_rows_ = 0;
};

}  // namespace talus::io::detail
