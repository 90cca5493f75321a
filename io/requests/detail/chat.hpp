// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/requests/detail/field.hpp"

namespace talus::io::detail {

/// The messages of a conversation as a template takes them: each content a string, text parts
/// joined by line breaks, the arguments of tool calls as objects.
///
/// \throws Refusal  if there is none, or one lacks its role or its content, or is not text
[[nodiscard]] Json read_messages(Field const& messages);

/// Checks that the tools are a list of objects.
/// \throws Refusal  if they are not
void check_tools(Field const& tools);

/// Checks that the choice leaves the model free, "auto", or is "none".
/// \throws Refusal  if it does not
void check_tool_choice(Field const& choice);

}  // namespace talus::io::detail
