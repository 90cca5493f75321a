// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/rope_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

constexpr std::array scalings = {
    std::pair{"default", RopeScaling::none},
    std::pair{"linear", RopeScaling::linear},
    std::pair{"dynamic", RopeScaling::dynamic},
    std::pair{"llama3", RopeScaling::llama3},
    std::pair{"yarn", RopeScaling::yarn},
    std::pair{"longrope", RopeScaling::longrope},
    std::pair{"su", RopeScaling::longrope},
};

RopeScaling scaling_from(ConfigFields const& fields) {
  char const* const key = fields.has("rope_type") ? "rope_type" : "type";
  std::string const type = fields.text_or(key, "default");
  for (auto const& [name, scaling] : scalings) {
    if (type == name) {
      return scaling;
    }
  }
  fields.refuse(key, "known scalings are default, linear, dynamic, llama3, yarn, longrope");
}

/// One factor for each rotated pair.
std::vector<double> read_factors(ConfigFields const& fields,
                                 char const* name,
                                 RopeSpec const& rope) {
  std::vector<double> factors = fields.numbers(name);
  bool const fits = static_cast<std::int64_t>(factors.size()) == rope.rotary_dim / 2;
  if (!fits || std::any_of(factors.begin(), factors.end(), [](double f) { return !(f > 0.0); })) {
    fields.refuse(name, concat("must be ", rope.rotary_dim / 2, " positive numbers"));
  }
  return factors;
}

void read_yarn(ConfigFields const& fields, RopeSpec& rope) {
  rope.beta_fast = fields.number_or("beta_fast", rope.beta_fast);
  rope.beta_slow = fields.number_or("beta_slow", rope.beta_slow);
  if (!(rope.beta_slow > 0.0 && rope.beta_fast >= rope.beta_slow)) {
    fields.refuse(
        "beta_fast",
        concat("must be at least beta_slow = ", rope.beta_slow, ", which must be positive"));
  }
  rope.mscale = fields.number_or("mscale", rope.mscale);
  rope.mscale_all_dim = fields.number_or("mscale_all_dim", rope.mscale_all_dim);
  rope.truncate = fields.flag_or("truncate", rope.truncate);
}

void read_llama3(ConfigFields const& fields, RopeSpec& rope) {
  rope.low_freq_factor = fields.number_or("low_freq_factor", rope.low_freq_factor);
  rope.high_freq_factor = fields.number_or("high_freq_factor", rope.high_freq_factor);
  if (!(rope.low_freq_factor > 0.0 && rope.high_freq_factor > rope.low_freq_factor)) {
    fields.refuse("high_freq_factor",
                  "must be greater than low_freq_factor, which must be positive");
  }
}

void read_factor(ConfigFields const& fields, RopeSpec& rope) {
  // longrope's factor follows from the lengths where it is not given.
  rope.factor = rope.scaling == RopeScaling::longrope ? fields.number_or("factor", rope.factor)
                                                      : fields.number("factor");
  if (!(rope.factor >= 1.0)) {
    fields.refuse("factor", "must be at least 1");
  }
  if (fields.has("attention_factor")) {
    rope.attention_factor = fields.number("attention_factor");
    if (!(*rope.attention_factor > 0.0)) {
      fields.refuse("attention_factor", "must be positive");
    }
  }
}

void read_scaling(ConfigFields const& fields, RopeSpec& rope) {
  rope.scaling = scaling_from(fields);
  rope.query_growth = fields.number_or("llama_4_scaling_beta", rope.query_growth);
  rope.original_max_position =
      fields.number_or("original_max_position_embeddings", rope.original_max_position);
  if (rope.scaling == RopeScaling::none) {
    return;
  }
  read_factor(fields, rope);
  if (rope.scaling == RopeScaling::yarn) {
    read_yarn(fields, rope);
  }
  if (rope.scaling == RopeScaling::llama3) {
    read_llama3(fields, rope);
  }
  if (rope.scaling == RopeScaling::longrope) {
    rope.short_factors = read_factors(fields, "short_factor", rope);
    rope.long_factors = read_factors(fields, "long_factor", rope);
  }
}

/// Lengths beside the scaling come before those in it.
void read_outer_length(ConfigFields const& config, RopeSpec& rope) {
  rope.original_max_position =
      config.number_or("original_max_position_embeddings", rope.original_max_position);
  if (rope.scaling != RopeScaling::none && !(rope.original_max_position >= 1.0)) {
    config.refuse("original_max_position_embeddings", "must be at least 1");
  }
}

/// The share of a head that is rotated, by whichever spelling gives it; null is all of it.
double rotated_share(ConfigFields const& fields, double fallback) {
  bool const is_null =
      fields.is_given("partial_rotary_factor") && !fields.has("partial_rotary_factor");
  return is_null ? 1.0 : fields.number_or("partial_rotary_factor", fallback);
}

std::int64_t rotary_dim_of(ConfigFields const& config,
                           std::optional<ConfigFields> const& rope,
                           RopeDefaults const& defaults) {
  if (!defaults.may_be_partial) {
    char const* const why = "this family rotates whole heads";
    config.expect_only("partial_rotary_factor", 1.0, why);
    if (rope) {
      rope->expect_only("partial_rotary_factor", 1.0, why);
    }
  }
  double share = rotated_share(config, defaults.partial);
  share = rope ? rotated_share(*rope, share) : share;
  if (!(share > 0.0 && share <= 1.0)) {
    config.refuse("partial_rotary_factor", "must be in (0, 1]");
  }
  auto const dim = static_cast<std::int64_t>(static_cast<double>(defaults.head_dim) * share);
  if (dim < 2 || dim % 2 != 0) {
    config.refuse(config.has("partial_rotary_factor") ? "partial_rotary_factor" : "head_dim",
                  concat("rotary embedding needs an even number of components, not ", dim));
  }
  return dim;
}

/// The object that describes the rotation, under its old or its new name.
std::optional<ConfigFields> rope_fields(ConfigFields const& config, std::string const& layer_type) {
  std::optional<ConfigFields> fields = config.object("rope_parameters");
  std::optional<ConfigFields> const old = config.object("rope_scaling");
  if (fields && old && *config.find("rope_parameters") != *config.find("rope_scaling")) {
    config.refuse("rope_scaling", "rope_parameters is there too, and says something else");
  }
  if (!fields) {
    fields = old;
  }
  if (fields && !layer_type.empty() && fields->has(layer_type)) {
    return fields->object(layer_type);
  }
  return fields;
}

}  // namespace

RopeSpec read_rope(ConfigFields const& config, RopeDefaults const& defaults) {
  RopeSpec rope;
  double const max_position =
      config.number_or("max_position_embeddings", static_cast<double>(defaults.max_position));
  rope.theta = config.number_or("rope_theta", defaults.theta);
  rope.original_max_position = max_position;
  std::optional<ConfigFields> const fields = rope_fields(config, defaults.layer_type);
  rope.rotary_dim = rotary_dim_of(config, fields, defaults);
  if (fields) {
    rope.theta = fields->number_or("rope_theta", rope.theta);
    read_scaling(*fields, rope);
  }
  read_outer_length(config, rope);
  if (rope.scaling == RopeScaling::longrope && !fields->has("factor")) {
    rope.factor = std::max(max_position / rope.original_max_position, 1.0);
  }
  if (!(rope.theta > 1.0)) {
    config.refuse("rope_theta", "must be greater than 1");
  }
  if (rope.scaling == RopeScaling::dynamic && rope.rotary_dim < 4) {
    config.refuse("head_dim", "dynamic rotary scaling needs at least 4 rotated components");
  }
  return rope;
}

}  // namespace talus::runtime
