// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "io/ledger/ledger_contents.hpp"

namespace talus::io {

/// Where a ledger has tokens of unfinished requests: 16 bytes a record, so that every replica can
/// have it and reads the tokens themselves from the file when it takes the request.
class SavedIndex {
 public:
  /// Of nothing.
  SavedIndex() = default;

  /// \param saved  by request and place
  SavedIndex(std::filesystem::path ledger, std::vector<SavedPlace> saved);

  /// The tokens that the ledger has of a request, one for each sample that has any.
  /// \throws ConfigError  if the ledger can't be read
  [[nodiscard]] std::vector<SavedTokens> find(std::int64_t request) const;

  /// How many requests have tokens.
  [[nodiscard]] std::int64_t num_requests() const noexcept;

  /// The places as bytes, for other ranks of the job.
  [[nodiscard]] std::vector<std::byte> to_bytes() const;

  /// The reverse of to_bytes.
  [[nodiscard]] static SavedIndex from_bytes(std::filesystem::path ledger,
                                             std::span<std::byte const> bytes);

 private:
  std::filesystem::path ledger_;
  std::vector<SavedPlace> saved_;
};

}  // namespace talus::io
