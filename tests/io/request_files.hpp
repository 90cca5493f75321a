// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/base/error.hpp"

/// A new folder for the files of one test, gone when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "talus-requests-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw talus::ConfigError{talus::concat(name, ": can't be created")};
    }
    path_ = name;
  }

  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  TemporaryFolder(TemporaryFolder const&) = delete;
  TemporaryFolder& operator=(TemporaryFolder const&) = delete;

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Makes a file of this text, and gives its name back.
inline std::filesystem::path write_file(std::filesystem::path const& file,
                                        std::string const& text) {
  std::ofstream{file, std::ios::binary} << text;
  return file;
}
