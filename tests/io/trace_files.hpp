// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <hdf5.h>
#include <unistd.h>

#include "io/trace/records.hpp"

/// A new empty folder, removed with all in it when the object goes.
class TraceFolder {
 public:
  TraceFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "talus-trace-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }

  ~TraceFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  TraceFolder(TraceFolder const&) = delete;
  TraceFolder& operator=(TraceFolder const&) = delete;

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// One integer column of a table of a trace file; throws what Catch2 reports if it can't be read.
inline std::vector<std::int64_t> read_column(std::filesystem::path const& file,
                                             char const* table,
                                             char const* column) {
  hid_t const id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t const dataset = H5Dopen2(id, table, H5P_DEFAULT);
  hid_t const space = H5Dget_space(dataset);
  hssize_t const rows = H5Sget_simple_extent_npoints(space);
  if (id < 0 || dataset < 0 || rows < 0) {
    throw std::runtime_error{file.string() + ": no table " + table};
  }
  std::vector<std::int64_t> values(static_cast<std::size_t>(rows));
  hid_t const type = H5Tcreate(H5T_COMPOUND, sizeof(std::int64_t));
  H5Tinsert(type, column, 0, H5T_NATIVE_INT64);
  herr_t const status = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(id);
  if (status < 0) {
    throw std::runtime_error{file.string() + ": " + table + " can't be read"};
  }
  return values;
}

/// An integer attribute of a trace file's root.
inline std::int64_t read_attribute(std::filesystem::path const& file, char const* name) {
  hid_t const id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t const attribute = H5Aopen(id, name, H5P_DEFAULT);
  std::int64_t value = -1;
  herr_t const status = H5Aread(attribute, H5T_NATIVE_INT64, &value);
  H5Aclose(attribute);
  H5Fclose(id);
  if (status < 0) {
    throw std::runtime_error{file.string() + ": no attribute " + name};
  }
  return value;
}

/// A step with a number, and all else zero.
inline talus::io::StepRecord step_number(std::int64_t number) {
  talus::io::StepRecord record;
  record.step = number;
  return record;
}
