// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/line_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/requests/request.hpp"
#include "runtime/base/error.hpp"

namespace talus::io::detail {
namespace {

constexpr std::size_t read_bytes = std::size_t{1} << 20U;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(std::filesystem::path file)
    : file_{std::move(file)}, input_{::open(file_.c_str(), O_RDONLY | O_CLOEXEC)} {
  struct ::stat status {};

  if (!input_ || ::fstat(input_.get(), &status) != 0) {
    files::fail(file_, "can't be read");
  }
  if (!S_ISREG(status.st_mode)) {
    throw ConfigError{concat(file_.string(),
                             ": not a regular file (requests are read more than once; "
                             "give - to have standard input kept)")};
  }
  file_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

std::string_view LineReader::pending() const {
  return {buffer_.data() + first_, last_ - first_};
}

void LineReader::consume(std::size_t num_bytes) {
  first_ += num_bytes;
  offset_ += num_bytes;
}

void LineReader::seek(std::uint64_t offset, std::uint64_t number) {
  if (::lseek(input_.get(), static_cast<::off_t>(offset), SEEK_SET) < 0) {
    files::fail(file_, "can't be read");
  }
  first_ = 0;
  last_ = 0;
  offset_ = offset;
  number_ = number;
  inside_line_ = false;
}

bool LineReader::refill() {
  if (first_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(first_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(last_),
              buffer_.begin());
    last_ -= first_;
    first_ = 0;
  }
  if (buffer_.size() < last_ + read_bytes) {
    buffer_.resize(std::max(2 * buffer_.size(), last_ + read_bytes));
  }
  auto const got = files::read_some(input_, std::span{buffer_}.subspan(last_), file_);
  last_ += got;
  return got > 0;
}

// Bytes up to the next line break, all that is left at the file's end, or too many to be kept.
bool LineReader::find_break(std::size_t& length) {
  std::size_t searched = 0;
  for (;;) {
    auto const found = pending().find('\n', searched);
    length = std::min(found, pending().size());
    if (found != std::string_view::npos || length > max_line_bytes) {
      return true;
    }
    searched = length;
    if (!refill()) {
      return length > 0;
    }
  }
}

void LineReader::skip_rest_of_line() {
  for (;;) {
    auto const found = pending().find('\n');
    if (found != std::string_view::npos) {
      consume(found + 1);
      return;
    }
    consume(pending().size());
    if (!refill()) {
      return;
    }
  }
}

bool LineReader::next_of_any_kind(FoundLine& line) {
  if (inside_line_) {
    skip_rest_of_line();  // only now, as reading on moves the text that was given out
    inside_line_ = false;
  }
  std::size_t length = 0;
  if (!find_break(length)) {
    return false;
  }
  if (offset_ == 0 && pending().starts_with(byte_order_mark)) {
    consume(byte_order_mark.size());
    length -= byte_order_mark.size();
  }
  line = {pending().substr(0, std::min(length, max_line_bytes + 1)), offset_, number_};
  ++number_;
  consume(line.text.size());
  inside_line_ = true;
  return true;
}

bool LineReader::next(FoundLine& line) {
  do {
    if (!next_of_any_kind(line)) {
      return false;
    }
  } while (is_blank(line.text));
  return true;
}

}  // namespace talus::io::detail
