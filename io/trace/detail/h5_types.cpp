// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/h5_types.hpp"

#include <cstring>

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

}  // namespace talus::io::detail
