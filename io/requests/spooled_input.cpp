// SPDX-License-Identifier: Apache-2.0
#include "io/requests/spooled_input.hpp"

#include <cstddef>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "io/files/open_file.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::size_t copy_bytes = std::size_t{1} << 20U;
constexpr unsigned int private_mode = 0600;

std::filesystem::path beside(std::filesystem::path output) {
  return output += ".input";
}

void copy(int from, files::OpenFile const& to, std::filesystem::path const& file) {
  files::OpenFile source{::fcntl(from, F_DUPFD_CLOEXEC, 0)};
  if (!source) {
    files::fail("standard input", "can't be read");
  }
  std::vector<char> buffer(copy_bytes);
  while (auto const got = files::read_some(source, buffer, "standard input")) {
    files::write_all(to, {buffer.data(), got}, file);
  }
}

}  // namespace

SpooledInput::SpooledInput(int descriptor, std::filesystem::path const& output, Existing existing)
    : path_{beside(output)} {
  int const how = existing == Existing::refuse ? O_EXCL : O_TRUNC;
  files::OpenFile file{::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, private_mode)};
  if (!file) {
    files::fail(path_, "can't be created, to keep standard input in");
  }
  try {
    copy(descriptor, file, path_);
    files::close_written(file, path_);
  } catch (Error const&) {
    remove_file();
    throw;
  }
}

SpooledInput::~SpooledInput() {
  remove_file();
}

void SpooledInput::remove_file() noexcept {
  std::error_code ignored;  // a file left behind harms nobody
  std::filesystem::remove(path_, ignored);
}

}  // namespace talus::io
