// SPDX-License-Identifier: Apache-2.0
#include "io/ledger/ledger_contents.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

#include <xxhash.h>

#include "io/ledger/detail/payloads.hpp"
#include "io/ledger/record.hpp"

namespace talus::io {
namespace {

/// Takes a record in; false if its payload isn't what its kind has.
bool add(LedgerContents& contents, Record const& record) {
  switch (record.kind) {
    case RecordKind::identity:
      return false;  // there is one, and it is the first
    case RecordKind::session: {
      auto const output_bytes = detail::parse_payload<std::int64_t>(record.payload);
      while (output_bytes && !contents.finished.empty() &&
             contents.finished.back().output_end > *output_bytes) {
        contents.finished.pop_back();
      }
      ++contents.num_sessions;
      return output_bytes.has_value();
    }
    case RecordKind::answer:
    case RecordKind::error: {
      auto const line = detail::parse_payload<detail::LinePayload>(record.payload);
      if (line) {
        contents.finished.push_back({.request = line->request,
                                     .output_end = line->output_end,
                                     .line_hash = line->line_hash,
                                     .is_error = record.kind == RecordKind::error});
      }
      return line.has_value();
    }
    case RecordKind::tokens: {
      auto const saved = parse_saved_tokens(record.payload);
      if (saved) {
        contents.saved.push_back({.request = saved->request, .place = record.place});
      }
      return saved.has_value();
    }
  }
  return false;
}

/// The identity, from the file's first record.
std::optional<Identity> read_identity(RecordReader& reader) {
  Record record;
  if (!reader.next(record) || record.kind != RecordKind::identity) {
    return std::nullopt;
  }
  return parse_identity(record.payload);
}

/// Forgets tokens of requests that are finished, and brings the rest into order.
void tidy(LedgerContents& contents) {
  std::vector<std::int64_t> done;
  for (FinishedRequest const& finished : contents.finished) {
    done.push_back(finished.request);
  }
  std::sort(done.begin(), done.end());
  auto const is_done = [&](SavedPlace const& saved) {
    return std::binary_search(done.begin(), done.end(), saved.request);
  };
  std::erase_if(contents.saved, is_done);
  std::sort(contents.saved.begin(), contents.saved.end(), [](auto const& a, auto const& b) {
    return std::tie(a.request, a.place) < std::tie(b.request, b.place);
  });
}

}  // namespace

std::uint64_t hash_line(std::string_view line) {
  return XXH3_64bits(line.data(), line.size());
}

std::filesystem::path ledger_of(std::filesystem::path output) {
  return output += ".ledger";
}

bool has_ledger(std::filesystem::path const& ledger) {
  if (!std::filesystem::exists(ledger)) {
    return false;
  }
  RecordReader reader{ledger};
  return read_identity(reader).has_value();
}

std::optional<LedgerContents> read_ledger(std::filesystem::path const& ledger) {
  if (!std::filesystem::exists(ledger)) {
    return std::nullopt;
  }
  RecordReader reader{ledger};
  auto identity = read_identity(reader);
  if (!identity) {
    return std::nullopt;
  }
  LedgerContents contents{.identity = std::move(*identity)};
  contents.whole_bytes = reader.place();
  contents.file_bytes = reader.file_bytes();
  Record record;
  while (reader.next(record) && add(contents, record)) {
    contents.whole_bytes = reader.place();
  }
  tidy(contents);
  return contents;
}

std::vector<SavedTokens> read_saved_tokens(std::filesystem::path const& ledger,
                                           std::span<SavedPlace const> places) {
  RecordReader reader{ledger};
  std::vector<SavedTokens> samples;
  for (SavedPlace const& saved : places) {
    reader.go_to(saved.place);
    Record record;
    auto piece = reader.next(record) ? parse_saved_tokens(record.payload) : std::nullopt;
    if (!piece) {
      continue;  // without it those that follow don't fit, and the tokens are drawn again
    }
    auto const found = std::find_if(samples.begin(), samples.end(), [&](SavedTokens const& other) {
      return other.sample == piece->sample;
    });
    if (found != samples.end()) {
      found->append(*piece);
    } else if (piece->first == 0) {
      samples.push_back(std::move(*piece));
    }
  }
  return samples;
}

}  // namespace talus::io
