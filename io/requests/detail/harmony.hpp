// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "io/requests/reasoning.hpp"

namespace talus::io::detail {

/// Splits an answer of messages in channels: <|channel|>name<|message|>text<|end|>, the next one
/// after <|start|>assistant.
///
/// Messages of the same part are joined with line feeds. A message to a recipient is a call of a
/// tool; it becomes content as the model wrote it, header and all, for the user to read.
///
/// \param text    with special tokens
/// \param prompt  tells what a text before the first header is
[[nodiscard]] SplitAnswer split_harmony(std::string_view text, PromptThinking prompt);

}  // namespace talus::io::detail
