// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <xxhash.h>

#include "io/requests/detail/hash_set.hpp"
#include "io/requests/detail/json_scanner.hpp"
#include "io/requests/detail/line_reader.hpp"
#include "io/requests/input_index.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

void mark_duplicate(std::vector<IndexMark>& marks, std::int64_t request) {
  auto const bit = static_cast<std::size_t>(request % index_stride);
  marks[static_cast<std::size_t>(request / index_stride)].duplicates[bit / 64] |= std::uint64_t{1}
                                                                                  << (bit % 64);
}

// Which hashes are looked at in one pass over a file: those whose upper half leaves this rest.
struct Share {
  std::uint64_t rest = 0;
  std::uint64_t num_shares = 1;

  [[nodiscard]] bool has(std::uint64_t hash) const noexcept {
    return (hash >> 32U) % num_shares == rest;
  }
};

// The requests of one pass over a file.
struct Pass {
  std::int64_t num_requests = 0;
  std::vector<IndexMark> marks;
  detail::HashSet seen;
  bool is_complete = true;  // no hash was left out for want of room

  void add(detail::FoundLine const& line, Share share, std::size_t hash_limit) {
    auto const request = num_requests++;
    if (request % index_stride == 0) {
      marks.push_back({line.offset, line.number, {}});
    }
    auto const id = is_complete ? detail::find_custom_id(line.text) : std::nullopt;
    if (!id) {
      return;
    }
    auto const hash = XXH3_64bits(id->data(), id->size());
    if (!share.has(hash)) {
      return;
    }
    if (!seen.insert(hash)) {
      mark_duplicate(marks, request);
    } else if (share.num_shares == 1 && seen.size() > hash_limit) {
      is_complete = false;
      seen.clear();
    }
  }
};

Pass go_through(detail::LineReader& lines, Share share, std::size_t hash_limit) {
  Pass pass;
  lines.seek(0, 1);
  for (detail::FoundLine line; lines.next(line);) {
    pass.add(line, share, hash_limit);
  }
  return pass;
}

// Adds the duplicates that a later pass found.
void merge(Pass& all, Pass const& pass, std::filesystem::path const& file) {
  if (pass.num_requests != all.num_requests) {
    throw ConfigError{concat(file.string(),
                             ": ",
                             all.num_requests,
                             " requests, then ",
                             pass.num_requests,
                             " (the file must not change while it is in use)")};
  }
  for (std::size_t mark = 0; mark < all.marks.size(); ++mark) {
    for (std::size_t word = 0; word < all.marks[mark].duplicates.size(); ++word) {
      all.marks[mark].duplicates[word] |= pass.marks[mark].duplicates[word];
    }
  }
}

}  // namespace

InputIndex index_input(std::filesystem::path const& file, std::size_t hash_limit) {
  detail::LineReader lines{file};
  auto all = go_through(lines, {}, hash_limit);
  if (!all.is_complete) {
    auto const num_shares = static_cast<std::uint64_t>(all.num_requests) / hash_limit + 1;
    for (std::uint64_t rest = 0; rest < num_shares; ++rest) {
      merge(all, go_through(lines, {rest, num_shares}, hash_limit), file);
    }
  }
  return {all.num_requests, lines.file_bytes(), std::move(all.marks)};
}

}  // namespace talus::io
