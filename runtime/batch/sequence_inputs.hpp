// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/requests/request.hpp"
#include "runtime/batch/batch_rules.hpp"
#include "runtime/batch/prompts.hpp"
#include "runtime/engine/sequence.hpp"

namespace talus::runtime {

/// The sequences that a request asks for, one a sample: same prompt and rules, but
/// log-probabilities of the prompt are asked of the first one only.
///
/// \param number  of the request in the run
/// \throws Error  as TextModel::encode(); and if the prompt has no tokens or leaves no room, or a
///                token of the request is not of the vocabulary. The message begins with the name
///                of the parameter that is to blame.
[[nodiscard]] std::vector<SequenceInput> make_sequence_inputs(io::Request const& request,
                                                              std::int64_t number,
                                                              BatchRules const& rules,
                                                              TextModel const& text);

/// Names a request to the random numbers: the same in every run with the same custom_id.
[[nodiscard]] std::uint64_t request_key(std::string_view custom_id);

}  // namespace talus::runtime
