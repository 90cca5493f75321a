// SPDX-License-Identifier: Apache-2.0
#include "io/trace/detail/h5_attributes.hpp"

#include "io/trace/detail/h5_handle.hpp"
#include "io/trace/detail/hdf5_check.hpp"

namespace talus::io::detail {
namespace {

H5Datatype text_type() {
  H5Datatype type{hdf5_check(H5Tcopy(H5T_C_S1), "H5Tcopy")};
  hdf5_check(H5Tset_size(type.get(), H5T_VARIABLE), "H5Tset_size");
  hdf5_check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset");
  return type;
}

void write(hid_t object, char const* name, hid_t type, hid_t space, void const* value) {
  H5Attribute attribute;
  if (hdf5_check(H5Aexists(object, name), "H5Aexists") > 0) {
    attribute.reset(hdf5_check(H5Aopen(object, name, H5P_DEFAULT), "H5Aopen"));
  } else {
    attribute.reset(
        hdf5_check(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), name));
  }
  hdf5_check(H5Awrite(attribute.get(), type, value), name);
}

void write_scalar(hid_t object, char const* name, hid_t type, void const* value) {
  H5Dataspace const space{hdf5_check(H5Screate(H5S_SCALAR), "H5Screate")};
  write(object, name, type, space.get(), value);
}

void write_list(hid_t object, char const* name, hid_t type, hsize_t length, void const* values) {
  H5Dataspace const space{hdf5_check(H5Screate_simple(1, &length, nullptr), "H5Screate_simple")};
  write(object, name, type, space.get(), values);
}

}  // namespace

void write_attribute(hid_t object, char const* name, std::int64_t value) {
  write_scalar(object, name, H5T_NATIVE_INT64, &value);
}

void write_attribute(hid_t object, char const* name, double value) {
  write_scalar(object, name, H5T_NATIVE_DOUBLE, &value);
}

void write_attribute(hid_t object, char const* name, std::string_view value) {
  std::string const text{value};
  char const* const start = text.c_str();
  write_scalar(object, name, text_type().get(), &start);
}

void write_attribute(hid_t object, char const* name, std::vector<std::string> const& values) {
  std::vector<char const*> starts;
  for (auto const& value : values) {
    starts.push_back(value.c_str());
  }
  write_list(object, name, text_type().get(), starts.size(), starts.data());
}

void write_attribute(hid_t object, char const* name, std::vector<int> const& values) {
  write_list(object, name, H5T_NATIVE_INT, values.size(), values.data());
}

void write_group(hid_t file, char const* path, NamedTexts const& texts) {
  H5Group const group{
      hdf5_check(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), path)};
  for (auto const& [name, text] : texts) {
    write_attribute(group.get(), name.c_str(), std::string_view{text});
  }
}

void write_schema_version(hid_t file) {
  write_attribute(file, "schema", std::string_view{"talus-trace"});
  write_attribute(file, "schema_version", trace_schema_version);
}

void describe_columns(hid_t dataset, TableSchema const& schema) {
  std::vector<std::string> units;
  std::vector<std::string> descriptions;
  for (auto const& column : schema.columns) {
    units.push_back(column.unit);
    descriptions.push_back(column.description);
  }
  write_attribute(dataset, "units", units);
  write_attribute(dataset, "descriptions", descriptions);
}

}  // namespace talus::io::detail
