// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "io/chat_template/detail/ast.hpp"

namespace talus::io::jinja {

/// Finds, for each part of a template that has names of its own, those that it hides: a name that
/// the part sets in any case, while nothing around the part speaks of it, has no value there until
/// it is set, even if the caller gave one. So Jinja's compiler decides it, once for all.
///
/// \param body  a template; its statements get their `hidden` names
/// \return      those of the template itself
[[nodiscard]] HiddenNames find_hidden_names(Body& body);

}  // namespace talus::io::jinja
