// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/config_fields.hpp"

/// \file
/// What the readers of a quantization_config share.

namespace talus::runtime {

/// Inputs or outputs of a scale that are still taken for one.
inline constexpr std::int64_t largest_group = 1 << 20;

/// Refuses an object with a field that is neither used nor known to say nothing about the weights.
void allow_fields(ConfigFields const& fields,
                  std::initializer_list<std::string_view> used,
                  std::initializer_list<std::string_view> harmless);

/// Refuses a group that is no multiple of kernels::quant_chunk.
void check_group(ConfigFields const& fields, std::string_view name, std::int64_t group);

/// The strings of a list of strings or of lists of them.
[[nodiscard]] std::vector<std::string> nested_texts(ConfigFields const& fields,
                                                    std::string_view name,
                                                    io::Json const& value);

}  // namespace talus::runtime
