// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/known_output.hpp"

#include <cstdint>
#include <span>
#include <string>

#include "io/files/file_reader.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {

std::size_t count_known_lines(std::filesystem::path const& output,
                              std::span<FinishedRequest const> finished) {
  if (finished.empty() || !std::filesystem::exists(output)) {
    return 0;
  }
  files::FileReader const file{output};
  std::string line;
  std::int64_t place = 0;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    std::int64_t const end = finished[i].output_end;
    if (end > file.file_bytes()) {
      return i;
    }
    line.resize(static_cast<std::size_t>(end - place));
    file.read(place, std::as_writable_bytes(std::span{line}));
    if (hash_line(line) != finished[i].line_hash) {
      if (line.find('\0') != std::string::npos) {
        return i;
      }
      throw ConfigError{concat(output.string(),
                               ": line ",
                               i + 1,
                               " is not what was written there (the file was changed since; to "
                               "start afresh, remove it)")};
    }
    place = end;
  }
  return finished.size();
}

}  // namespace talus::io
