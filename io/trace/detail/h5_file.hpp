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

}  // namespace talus::io::detail
