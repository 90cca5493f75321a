// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "io/ledger/identity.hpp"
#include "io/ledger/saved_tokens.hpp"

namespace talus::io {

/// A request whose line is in the output.
struct FinishedRequest {
  std::int64_t request = 0;     ///< its number in the input, from 0
  std::int64_t output_end = 0;  ///< bytes of the output up to the end of its line
  std::uint64_t line_hash = 0;  ///< of the line with its line break
  bool is_error = false;

  bool operator==(FinishedRequest const&) const = default;
};

/// The hash of an answer's line.
[[nodiscard]] std::uint64_t hash_line(std::string_view line);

/// Where a ledger has tokens of a request.
struct SavedPlace {
  std::int64_t request = 0;
  std::int64_t place = 0;  ///< of the record, bytes from the start of the ledger
};

/// What a ledger says.
struct LedgerContents {
  Identity identity{};
  std::vector<FinishedRequest> finished{};  ///< in the order of their lines
  std::vector<SavedPlace> saved{};          ///< of requests not finished, by request and place
  std::int64_t num_sessions = 0;            ///< times that a run went on from it
  std::int64_t whole_bytes = 0;             ///< up to the end of the last whole record
  std::int64_t file_bytes = 0;              ///< what is beyond those is torn
};

/// Where the ledger of an output is.
[[nodiscard]] std::filesystem::path ledger_of(std::filesystem::path output);

/// Whether a file is there whose first record is whole: a ledger to go on from.
/// \throws ConfigError  if it can't be read
[[nodiscard]] bool has_ledger(std::filesystem::path const& ledger);

/// Reads a ledger up to where it is torn.
///
/// \return  none if there is no file, or not even its first record is whole: the run that began it
///          has written no answer
/// \throws ConfigError  if it can't be read
[[nodiscard]] std::optional<LedgerContents> read_ledger(std::filesystem::path const& ledger);

/// Puts together what a ledger has of a request.
///
/// \param places  of the request, ascending
/// \return  one for each sample that has tokens
/// \throws ConfigError  if the ledger can't be read
[[nodiscard]] std::vector<SavedTokens> read_saved_tokens(std::filesystem::path const& ledger,
                                                         std::span<SavedPlace const> places);

}  // namespace talus::io
