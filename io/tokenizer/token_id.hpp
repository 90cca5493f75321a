// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace talus::io {

/// A row of the embedding: what text is made of once it is tokenized.
using TokenId = std::int32_t;

}  // namespace talus::io
