// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hdf5.h>

#include "io/trace/columns.hpp"
#include "io/trace/run_info.hpp"

namespace talus::io::detail {

/// Writes an attribute of `object`, in place if it exists and is of the same kind; a text (UTF-8 of
/// variable length) replaces an older one.
///
/// \throws ApiError  if HDF5 fails
void write_attribute(hid_t object, char const* name, std::int64_t value);
void write_attribute(hid_t object, char const* name, double value);
void write_attribute(hid_t object, char const* name, std::string_view value);
void write_attribute(hid_t object, char const* name, std::vector<std::string> const& values);
void write_attribute(hid_t object, char const* name, std::vector<int> const& values);

/// Makes a group of `file` with the texts as its attributes.
void write_group(hid_t file, char const* path, NamedTexts const& texts);

/// Marks the file's root as a trace: `schema` and `schema_version`.
void write_schema_version(hid_t file);

/// Gives a table its column's meaning: the attributes `units` and `descriptions`, in order of
/// columns.
void describe_columns(hid_t dataset, TableSchema const& schema);

}  // namespace talus::io::detail
