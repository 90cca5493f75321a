// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "io/requests/detail/field.hpp"
#include "io/requests/sampling_params.hpp"

namespace talus::io::detail {

/// Reads one parameter of a request's body.
using ReadSampling = void (*)(Field const&, SamplingParams&);

/// How to read the sampling parameter of that name, which both endpoints have; null if there is
/// none. What it reads may be out of its limits: find_problem() says so.
[[nodiscard]] ReadSampling find_sampling_field(std::string_view name);

}  // namespace talus::io::detail
