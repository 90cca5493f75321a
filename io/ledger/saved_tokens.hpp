// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace talus::io {

/// Tokens of an answer that is not finished, and what its log-probabilities need: as they stand in
/// a ledger, and as they are put together again. All else about the answer follows from them.
struct SavedTokens {
  std::int64_t request = 0;  ///< its number in the input, from 0
  std::uint32_t sample = 0;  ///< which of its sequences
  std::int32_t first = 0;    ///< tokens of the answer before these
  std::int32_t num_top = 0;  ///< rivals told of each token
  std::vector<std::int32_t> tokens{};
  std::vector<float> logprobs{};           ///< [tokens] or empty: not asked for
  std::vector<std::int32_t> ranks{};       ///< likewise
  std::vector<std::int32_t> top_tokens{};  ///< [tokens, num_top]
  std::vector<float> top_logprobs{};       ///< [tokens, num_top]

  /// Adds those that follow; what goes on from an earlier token replaces what was there.
  /// \return  false, with nothing changed, if tokens between are missing, or they are of another
  ///          kind
  bool append(SavedTokens const& more);

  bool operator==(SavedTokens const&) const = default;
};

/// The payload of a record of them.
[[nodiscard]] std::string format_saved_tokens(SavedTokens const& saved);

/// The reverse of format_saved_tokens; none if it isn't such a payload.
[[nodiscard]] std::optional<SavedTokens> parse_saved_tokens(std::string_view payload);

}  // namespace talus::io
