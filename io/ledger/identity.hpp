// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
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
[[nodiscard]] std::string describe_difference(Identity const& run, Identity const& ledger);

/// 128 bits of hash of a text, as 32 digits: XXH3, against accidents and not against malice.
[[nodiscard]] std::string hash_text(std::string_view text);

/// Likewise of a file's content.
///
/// \throws ConfigError  if it can't be read
/// Cost: reads all of it, in large reads.
[[nodiscard]] std::string hash_file(std::filesystem::path const& file);

/// Likewise of `num_spots` evenly spread pieces of 4 KiB of a file, its end included, and of its
/// size: tells apart files of one layout, such as the weights before and after a fine-tuning.
///
/// \throws ConfigError  if it can't be read
[[nodiscard]] std::string hash_spots(std::filesystem::path const& file, int num_spots);

}  // namespace talus::io
