// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace talus {

void contract_broken(char const* condition, SourceLocation where) noexcept {
  std::fprintf(stderr, "talus: contract broken: %s [%s:%d]\n", condition, where.file, where.line);
  std::abort();
}

}  // namespace talus
