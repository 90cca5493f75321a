// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/exec_context.hpp"
#include "kernels/packed_weights.hpp"
#include "runtime/base/matrix_view.hpp"

namespace talus::bench {

/// How the programs of this folder measure.
struct Settings {
  kernels::ExecContext exec;                                    ///< whose kernels are timed
  kernels::ExecContext reference{kernels::Backend::reference};  ///< whose results are right
  int threads = 1;
  int rounds = 7;  ///< of which the medians are told
};

/// `count` values of a normal distribution; other ones at each call, the same in every run.
[[nodiscard]] std::vector<float> random_floats(std::int64_t count);

/// `data` as a matrix of `rows` rows.
[[nodiscard]] MatrixView<float> view(std::vector<float>& data, std::int64_t rows);
[[nodiscard]] MatrixView<float const> view(std::vector<float> const& data, std::int64_t rows);

/// Values [out, in] rounded to bfloat16 and packed for a backend.
[[nodiscard]] kernels::PackedWeights pack_bf16(kernels::ExecContext const& exec,
                                               std::vector<float> const& values,
                                               std::int64_t out,
                                               std::int64_t in);

/// Compares what a kernel gave with what is right.
///
/// \param tolerance  greatest difference allowed, as a part of the greatest value wanted
/// \throws Error  if a value is off by more
void require_close(std::span<float const> got,
                   std::span<float const> wanted,
                   float tolerance = 1e-5F);

/// The limit that a measurement stands beside.
struct Limit {
  char const* unit = "";           ///< of the rate: a thousand million of them in a second
  std::function<double()> of_now;  ///< measured right before each round
};

/// Bytes that all threads read from memory in a second.
[[nodiscard]] Limit memory_limit(Settings const& settings);

/// Float32 operations of all threads in a second.
[[nodiscard]] Limit float_limit(Settings const& settings);

/// Times `work` in rounds, each right after its limit was measured, and prints a line: the median
/// rate, and the median of its part of the limit.
///
/// \param amount  what one call of `work` does, in the limit's unit
void report(Settings const& settings,
            std::string const& name,
            Limit const& limit,
            double amount,
            std::function<void()> const& work);

/// The middle one of some values, at least one.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace talus::bench
