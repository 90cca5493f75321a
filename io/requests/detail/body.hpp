// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json/json.hpp"
#include "io/requests/request.hpp"

namespace talus::io::detail {

/// Reads a request's body into its prompt, model and parameters.
///
/// \param request  endpoint and default parameters are set already
/// \throws Refusal  if a key is unknown, unsupported or missing, or a value is not as it must be
void read_body(Json const& body, Request& request);

}  // namespace talus::io::detail
