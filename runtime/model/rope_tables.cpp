// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/rope_tables.hpp"

#include <cmath>
#include <cstddef>

namespace talus::runtime {

RopeTables::RopeTables(kernels::ExecContext const& exec,
                       RopeSpec const& spec,
                       std::int64_t positions)
    : values_{rope_values(spec, positions)} {
  if (spec.query_growth != 0.0) {
    grow_queries(spec, positions);
  }
  mirrors_[0].publish<float>(exec, values_.cosines);
  mirrors_[1].publish<float>(exec, values_.sines);
  mirrors_[2].publish<float>(exec, query_values_.cosines);
  mirrors_[3].publish<float>(exec, query_values_.sines);
}

void RopeTables::grow_queries(RopeSpec const& spec, std::int64_t positions) {
  query_values_ = values_;
  std::int64_t const pairs = spec.rotary_dim / 2;
  for (std::int64_t p = 0; p < positions; ++p) {
    double const stretch = std::floor(static_cast<double>(p) / spec.original_max_position);
    auto const growth = static_cast<float>(1.0 + spec.query_growth * std::log(1.0 + stretch));
    for (std::int64_t at = p * pairs; at < (p + 1) * pairs; ++at) {
      query_values_.cosines[static_cast<std::size_t>(at)] *= growth;
      query_values_.sines[static_cast<std::size_t>(at)] *= growth;
    }
  }
}

}  // namespace talus::runtime
