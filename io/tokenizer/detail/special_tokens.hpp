// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "io/tokenizer/detail/added_vocabulary.hpp"
#include "io/tokenizer/tokenizer.hpp"

namespace talus::io::tokenizer {

constexpr std::size_t num_roles = 7;  // of TokenRole

/// The spellings of the tokens with a role, by TokenRole.
using RoleTokens = std::array<std::optional<std::string>, num_roles>;

/// Adds to the vocabulary what tokenizer_config.json and special_tokens_map.json of a model name,
/// by the rules of transformers 5: first added_tokens_decoder; then each token with a role, and the
/// extra ones, as special, with the properties that it has already. special_tokens_map.json counts
/// only where there is no added_tokens_decoder. Either file may be missing.
///
/// \param defaults  the tokens with a role that neither file speaks of
/// \param keeps_flags  whether tokens with a role, and the extra ones, keep lstrip and the like
/// \return  the tokens with a role
/// \throws ConfigError  naming file and field, if one is damaged
RoleTokens add_special_tokens(std::optional<JsonField> const& config,
                              std::optional<JsonField> const& map,
                              RoleTokens const& defaults,
                              bool keeps_flags,
                              AddedVocabulary& added);

}  // namespace talus::io::tokenizer
