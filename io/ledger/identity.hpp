// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace talus::io {

/// Everything that decides what a run's answers are, as named texts: its model, its input, its
/// options. Not what only decides when and where they are made (grid, batch, threads).
using Identity = std::vector<std::pair<std::string, std::string>>;

/// The payload of a record of it.
[[nodiscard]] std::string format_identity(Identity const& identity);

/// The reverse of format_identity; none if it isn't such a payload.
[[nodiscard]] std::optional<Identity> parse_identity(std::string_view payload);

/// What differs, for a person: `--seed: this run has 7, the ledger 3; ...`; empty: nothing does.
///
/// \param source  where the other run's identity was found, like "the ledger"
[[nodiscard]] std::string describe_difference(Identity const& run,
                                              Identity const& other,
                                              std::string_view source);

}  // namespace talus::io
