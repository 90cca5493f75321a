// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "kernels/exec_context.hpp"
#include "kernels/mirror.hpp"
#include "kernels/rope.hpp"
#include "runtime/model/rope_config.hpp"

namespace talus::runtime {

/// The rotations of an attention's queries and keys, which differ where queries grow with their
/// position (RopeSpec::query_growth).
class RopeTables {
 public:
  RopeTables(kernels::ExecContext const& exec, RopeSpec const& spec, std::int64_t positions);

  [[nodiscard]] kernels::RopeTable queries() const noexcept {
    return query_values_.cosines.empty()
               ? keys()
               : kernels::RopeTable{query_values_.cosines, query_values_.sines};
  }

  [[nodiscard]] kernels::RopeTable keys() const noexcept {
    return {values_.cosines, values_.sines};
  }

 private:
  /// Makes the queries' table, whose amplitude grows with the position.
  void grow_queries(RopeSpec const& spec, std::int64_t positions);

  RopeValues values_;
  RopeValues query_values_;  ///< empty: the same
  std::array<kernels::Mirror, 4> mirrors_;
};

}  // namespace talus::runtime
