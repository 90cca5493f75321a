// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/h5_table.hpp"

#include <cstring>

#include "io/trace/detail/h5_attributes.hpp"
#include "io/trace/detail/h5_file.hpp"
#include "io/trace/detail/hdf5_check.hpp"
#include "runtime/base/assert.hpp"

namespace talus::io::detail {
namespace {

H5Datatype text_type(std::size_t bytes) {
  H5Datatype type{hdf5_check(H5Tcopy(H5T_C_S1), "H5Tcopy")};
  hdf5_check(H5Tset_size(type.get(), bytes), "H5Tset_size");
  hdf5_check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "H5Tset_strpad");
  hdf5_check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset");
  return type;
}

H5Datatype finish_reason_type() {
  H5Datatype type{hdf5_check(H5Tenum_create(H5T_STD_U8LE), "H5Tenum_create")};
  using enum RequestEnd;
  for (RequestEnd const reason : {stop, length, error, abort}) {
    auto const value = static_cast<std::uint8_t>(reason);
    hdf5_check(H5Tenum_insert(type.get(), std::string{to_string(reason)}.c_str(), &value),
               "H5Tenum_insert");
  }
  return type;
}

H5Datatype copy_of(hid_t type) {
  return H5Datatype{hdf5_check(H5Tcopy(type), "H5Tcopy")};
}

H5Datatype element_type(ColumnType type) {
  switch (type) {
    case ColumnType::int32:
      return copy_of(H5T_NATIVE_INT32);
    case ColumnType::int64:
      return copy_of(H5T_NATIVE_INT64);
    case ColumnType::uint64:
      return copy_of(H5T_NATIVE_UINT64);
    case ColumnType::float32:
      return copy_of(H5T_NATIVE_FLOAT);
    case ColumnType::float64:
      return copy_of(H5T_NATIVE_DOUBLE);
    case ColumnType::string64:
      return text_type(sizeof(CustomId::text));
    case ColumnType::finish_reason:
      return finish_reason_type();
  }
  return {};
}

}  // namespace

H5Datatype memory_type(TableSchema const& schema) {
  H5Datatype type{hdf5_check(H5Tcreate(H5T_COMPOUND, schema.row_bytes), "H5Tcreate")};
  for (auto const& column : schema.columns) {
    hdf5_check(
        H5Tinsert(type.get(), column.name.c_str(), column.offset, element_type(column.type).get()),
        "H5Tinsert");
  }
  return type;
}

H5Datatype file_type(TableSchema const& schema) {
  H5Datatype type = memory_type(schema);
  hdf5_check(H5Tpack(type.get()), "H5Tpack");
  return type;
}

std::vector<std::byte> fill_row(TableSchema const& schema) {
  TALUS_EXPECT(schema.columns.front().name == "rank" && schema.columns.front().offset == 0);
  std::vector<std::byte> row(schema.row_bytes);
  std::int32_t const no_rank = -1;
  std::memcpy(row.data(), &no_rank, sizeof(no_rank));
  return row;
}

H5PropertyList growing_dataset(std::vector<hsize_t> const& chunk) {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate")};
  hdf5_check(H5Pset_chunk(list.get(), static_cast<int>(chunk.size()), chunk.data()),
             "H5Pset_chunk");
  hdf5_check(H5Pset_fill_time(list.get(), H5D_FILL_TIME_ALLOC), "H5Pset_fill_time");
  return list;
}

H5PropertyList without_chunk_cache() {
  H5PropertyList list{hdf5_check(H5Pcreate(H5P_DATASET_ACCESS), "H5Pcreate")};
  hdf5_check(H5Pset_chunk_cache(list.get(), 0, 0, 1.0), "H5Pset_chunk_cache");
  return list;
}

H5Table::H5Table(hid_t file, TableSchema const& schema, hsize_t chunk_rows)
    : file_{file},
      chunk_rows_{chunk_rows},
      row_bytes_{schema.row_bytes},
      memory_type_{memory_type(schema)} {
  hsize_t const none = 0;
  hsize_t const unlimited = H5S_UNLIMITED;
  H5Dataspace const space{hdf5_check(H5Screate_simple(1, &none, &unlimited), "H5Screate_simple")};
  H5PropertyList const creation = growing_dataset({chunk_rows});
  hdf5_check(H5Pset_fill_value(creation.get(), memory_type_.get(), fill_row(schema).data()),
             "H5Pset_fill_value");

  dataset_.reset(hdf5_check(H5Dcreate2(file,
                                       schema.path.c_str(),
                                       file_type(schema).get(),
                                       space.get(),
                                       H5P_DEFAULT,
                                       creation.get(),
                                       without_chunk_cache().get()),
                            "H5Dcreate2"));
  describe_columns(dataset_.get(), schema);
}

void H5Table::append(void const* rows, std::size_t num_rows) {
  if (num_rows == 0) {
    return;
  }
  hsize_t const count = num_rows;
  hsize_t const total = num_rows_ + count;
  reserve_chunks(file_, {num_rows_, total, chunk_rows_, row_bytes_});
  hdf5_check(H5Dset_extent(dataset_.get(), &total), "H5Dset_extent");
  H5Dataspace const in_file{hdf5_check(H5Dget_space(dataset_.get()), "H5Dget_space")};
  hdf5_check(
      H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, &num_rows_, nullptr, &count, nullptr),
      "H5Sselect_hyperslab");
  H5Dataspace const in_memory{hdf5_check(H5Screate_simple(1, &count, nullptr), "H5Screate_simple")};
  hdf5_check(
      H5Dwrite(
          dataset_.get(), memory_type_.get(), in_memory.get(), in_file.get(), H5P_DEFAULT, rows),
      "H5Dwrite");
  num_rows_ = total;
}

}  // namespace talus::io::detail
