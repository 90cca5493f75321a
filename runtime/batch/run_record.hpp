// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/ledger/identity.hpp"
#include "io/trace/run_info.hpp"

namespace talus::runtime {

/// What the command knows and a run's record should say.
struct RunRecord {
  io::NamedTexts options;  ///< as resolved
  io::NamedTexts versions;
  /// What must decide the answers, as a run to be repeated says; empty: anything may.
  io::Identity expected = {};
};

}  // namespace talus::runtime
