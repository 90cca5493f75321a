// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include "io/requests/detail/line_reader.hpp"
#include "io/requests/input_index.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

[[noreturn]] void refuse_changed(std::filesystem::path const& file, InputIndex const& index) {
  throw ConfigError{concat(file.string(),
                           ": not the ",
                           index.file_bytes(),
                           " bytes with ",
                           index.num_requests(),
                           " requests that were there at the start (the file must not change while "
                           "it is in use)")};
}

}  // namespace

RequestReader::RequestReader(std::filesystem::path file, InputIndex index)
    : file_{std::move(file)},
      index_{std::move(index)},
      lines_{std::make_unique<detail::LineReader>(file_)} {
  if (lines_->file_bytes() != index_.file_bytes()) {
    refuse_changed(file_, index_);
  }
}

RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

void RequestReader::go_to(std::int64_t request) {
  if (request == next_) {
    return;
  }
  // Reading on is cheaper than a new start from the same mark.
  if (request < next_ || request / index_stride != next_ / index_stride) {
    auto const& mark = index_.marks()[static_cast<std::size_t>(request / index_stride)];
    lines_->seek(mark.offset, mark.line);
    next_ = request / index_stride * index_stride;
  }
  for (detail::FoundLine passed; next_ < request; ++next_) {
    if (!lines_->next(passed)) {
      refuse_changed(file_, index_);
    }
  }
}

std::vector<InputLine> RequestReader::read(std::int64_t first, std::int64_t count) {
  TALUS_EXPECT(first >= 0 && count >= 0);
  count = std::clamp<std::int64_t>(index_.num_requests() - first, 0, count);
  if (count == 0) {
    return {};
  }
  go_to(first);
  std::vector<InputLine> requests;
  requests.reserve(static_cast<std::size_t>(count));
  for (detail::FoundLine line; next_ < first + count; ++next_) {
    if (!lines_->next(line)) {
      refuse_changed(file_, index_);
    }
    requests.push_back({std::string{line.text},
                        static_cast<std::int64_t>(line.number),
                        index_.is_duplicate(next_)});
  }
  return requests;
}

}  // namespace talus::io
