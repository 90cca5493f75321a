// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/kv_cache.hpp"
#include "kernels/packed_weights.hpp"
#include "kernels/rope.hpp"
#include "runtime/base/error.hpp"

/// \file
/// Checks of arguments that several operations share. All throw ConfigError, with the operation,
/// the quantity, its value and what is allowed.

namespace talus::kernels::detail {

/// `value` must be `wanted`.
void check_equal(std::string_view operation,
                 std::string_view what,
                 std::int64_t value,
                 std::int64_t wanted);

/// `value` must be `least` or more.
void check_at_least(std::string_view operation,
                    std::string_view what,
                    std::int64_t value,
                    std::int64_t least);

/// `value` must be `most` or less.
void check_at_most(std::string_view operation,
                   std::string_view what,
                   std::int64_t value,
                   std::int64_t most);

/// `value` must lie in [0, end).
void check_below(std::string_view operation,
                 std::string_view what,
                 std::int64_t value,
                 std::int64_t end);

/// A norm's epsilon must be positive.
void check_epsilon(std::string_view operation, float epsilon);

/// There must be a position for each of `tokens` rows, and the table have rows of `rotary_dim` / 2
/// rotations for all of them.
void check_positions(std::string_view operation,
                     std::span<std::int32_t const> positions,
                     RopeTable const& table,
                     std::int64_t rotary_dim,
                     std::int64_t tokens);

/// Rows stored at `origin` must lie before `end`, and be of a type that can be converted.
void check_rows(std::string_view operation,
                MatrixOrigin origin,
                RawRows const& rows,
                MatrixOrigin end);

/// The batch must have `tokens` rows, and block tables with room for all of its tokens.
void check_batch(std::string_view operation,
                 PagedBatch const& batch,
                 KvCache const& cache,
                 std::int64_t tokens);

}  // namespace talus::kernels::detail
