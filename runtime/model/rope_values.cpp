// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "runtime/model/rope_config.hpp"

namespace talus::runtime {
namespace {

constexpr double two_pi = 2.0 * std::numbers::pi;

double mscale_of(double scale, double mscale) {
  return scale <= 1.0 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0;
}

double llama3_frequency(RopeSpec const& spec, double frequency) {
  double const wavelength = two_pi / frequency;
  if (wavelength < spec.original_max_position / spec.high_freq_factor) {
    return frequency;
  }
  if (wavelength > spec.original_max_position / spec.low_freq_factor) {
    return frequency / spec.factor;
  }
  double const smooth = (spec.original_max_position / wavelength - spec.low_freq_factor) /
                        (spec.high_freq_factor - spec.low_freq_factor);
  return (1.0 - smooth) * frequency / spec.factor + smooth * frequency;
}

/// How far dimension pair `i` is interpolated: 0 where it turns often within the original context,
/// 1 where it hardly turns, a ramp between.
double yarn_ramp(RopeSpec const& spec, double i) {
  auto const dim = static_cast<double>(spec.rotary_dim);
  auto const correction = [&](double rotations) {
    return dim * std::log(spec.original_max_position / (rotations * two_pi)) /
           (2.0 * std::log(spec.theta));
  };
  double low = correction(spec.beta_fast);
  double high = correction(spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) {
    high += 0.001;
  }
  return std::clamp((i - low) / (high - low), 0.0, 1.0);
}

/// The base of the frequencies of a sequence that ends after `length` positions.
double dynamic_theta(RopeSpec const& spec, double length) {
  double const growth = spec.factor * length / spec.original_max_position - (spec.factor - 1.0);
  auto const dim = static_cast<double>(spec.rotary_dim);
  return spec.theta * std::pow(growth, dim / (dim - 2.0));
}

/// How a rotation depends on what is rotated: the place of the pair, the position, and the
/// positions that the table is for.
struct Place {
  std::int64_t pair = 0;
  std::int64_t position = 0;
  std::int64_t positions = 0;
};

double frequency_of(RopeSpec const& spec, Place at) {
  double const exponent = static_cast<double>(2 * at.pair) / static_cast<double>(spec.rotary_dim);
  double const frequency = 1.0 / std::pow(spec.theta, exponent);
  switch (spec.scaling) {
    case RopeScaling::none:
      return frequency;
    case RopeScaling::dynamic: {
      auto const length = static_cast<double>(at.position + 1);
      return length <= spec.original_max_position
                 ? frequency
                 : 1.0 / std::pow(dynamic_theta(spec, length), exponent);
    }
    case RopeScaling::longrope: {
      bool const is_long = static_cast<double>(at.positions) > spec.original_max_position;
      return frequency /
             (is_long ? spec.long_factors : spec.short_factors)[static_cast<std::size_t>(at.pair)];
    }
    case RopeScaling::linear:
      return frequency / spec.factor;
    case RopeScaling::llama3:
      return llama3_frequency(spec, frequency);
    case RopeScaling::yarn: {
      double const ramp = yarn_ramp(spec, static_cast<double>(at.pair));
      return frequency / spec.factor * ramp + frequency * (1.0 - ramp);
    }
  }
  return frequency;
}

double amplitude_of(RopeSpec const& spec) {
  if (spec.scaling != RopeScaling::yarn && spec.scaling != RopeScaling::longrope) {
    return 1.0;
  }
  if (spec.attention_factor) {
    return *spec.attention_factor;
  }
  if (spec.scaling == RopeScaling::longrope) {
    return spec.factor <= 1.0
               ? 1.0
               : std::sqrt(1.0 + std::log(spec.factor) / std::log(spec.original_max_position));
  }
  if (spec.mscale != 0.0 && spec.mscale_all_dim != 0.0) {
    return mscale_of(spec.factor, spec.mscale) / mscale_of(spec.factor, spec.mscale_all_dim);
  }
  return mscale_of(spec.factor, 1.0);
}

}  // namespace

double yarn_score_factor(RopeSpec const& spec) {
  if (spec.scaling == RopeScaling::none || spec.mscale_all_dim == 0.0) {
    return 1.0;
  }
  double const mscale = mscale_of(spec.factor, spec.mscale_all_dim);
  return mscale * mscale;
}

RopeValues rope_values(RopeSpec const& spec, std::int64_t positions) {
  std::int64_t const pairs = spec.rotary_dim / 2;
  auto const size = static_cast<std::size_t>(positions * pairs);
  RopeValues values{std::vector<float>(size), std::vector<float>(size)};
  auto const amplitude = static_cast<float>(amplitude_of(spec));
  for (std::int64_t i = 0; i < pairs; ++i) {
    // The frequency is rounded to float32 before it meets the position, as the models were trained.
    auto frequency = static_cast<float>(frequency_of(spec, {i, 0, positions}));
    for (std::int64_t p = 0; p < positions; ++p) {
      if (spec.scaling == RopeScaling::dynamic) {
        frequency = static_cast<float>(frequency_of(spec, {i, p, positions}));
      }
      float const angle = static_cast<float>(p) * frequency;
      auto const at = static_cast<std::size_t>(p * pairs + i);
      values.cosines[at] = std::cos(angle) * amplitude;
      values.sines[at] = std::sin(angle) * amplitude;
    }
  }
  return values;
}

}  // namespace talus::runtime
