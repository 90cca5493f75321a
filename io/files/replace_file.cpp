// SPDX-License-Identifier: Apache-2.0
#include "io/files/replace_file.hpp"

#include <cstdio>

#include <fcntl.h>

#include "io/files/open_file.hpp"

namespace talus::io::files {

void replace_file(std::filesystem::path const& file, std::string_view bytes) {
  std::filesystem::path partial = file;
  partial += ".tmp";
  OpenFile out = open_to_write(partial, O_WRONLY | O_CREAT | O_TRUNC);
  if (!out) {
    fail(partial, "can't be created");
  }
  write_all(out, bytes, partial);
  close_written(out, partial);
  if (std::rename(partial.c_str(), file.c_str()) != 0) {
    fail(file, "can't be replaced");
  }
}

}  // namespace talus::io::files
