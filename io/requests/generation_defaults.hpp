// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace talus::io {

/// What holds where a request says nothing.
struct RequestDefaults {
  float temperature = 1.0F;
  float top_p = 1.0F;
  float min_p = 0.0F;
  std::int32_t top_k = 0;
  float repetition_penalty = 1.0F;
  std::optional<std::int32_t> max_tokens{};  ///< at most what the context has room for; none: that

  bool operator==(RequestDefaults const&) const = default;
};

/// What generation_config.json of a model says.
struct GenerationDefaults {
  RequestDefaults defaults{};
  std::vector<std::int32_t> eos_token_ids{};  ///< empty: the file does not say
  std::vector<std::string> used{};      ///< such as "temperature = 0.6": sampling entries applied
  std::vector<std::string> warnings{};  ///< one an entry that would matter and is not applied
};

/// Reads the text of a generation_config.json; without one, the neutral defaults.
///
/// Applied: temperature, top_p, top_k, min_p, repetition_penalty, eos_token_id, max_new_tokens as
/// the max_tokens of requests that give none, and do_sample = false as temperature 0.
///
/// \param file  its name, for messages
/// \throws ConfigError  if the file is not JSON, or an applied entry has a wrong type or is out of
///                      its limits
[[nodiscard]] GenerationDefaults parse_generation_defaults(std::optional<std::string> const& text,
                                                           std::filesystem::path const& file);

/// One line for the log: "sampling defaults: temperature = 0.6, top_k = 20
/// (generation_config.json)".
[[nodiscard]] std::string describe(GenerationDefaults const& defaults);

}  // namespace talus::io
