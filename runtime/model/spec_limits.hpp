// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// The longest axis of any matrix of a model: heads times their size, an intermediate size, the
/// vocabulary.
inline constexpr std::int64_t max_extent = std::int64_t{1} << 28;

/// Heads of an attention, and experts of a mixture: what is computed for each of them one by one.
inline constexpr std::int64_t max_parts = std::int64_t{1} << 16;

/// Parameters of a model, a hundred times those of the largest.
inline constexpr double max_parameters = 1e14;

/// Refuses a spec whose sizes are absurd, so that whatever is computed from it fits in 64 bits.
///
/// \param source  the config's file name
/// \throws ConfigError  naming the sizes that are too large together
void check_sizes(ModelSpec const& spec, std::string const& source);

}  // namespace talus::runtime
