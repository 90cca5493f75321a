// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/rope_config.hpp"

namespace talus::runtime {
namespace {

RopeScaling scaling_from(ConfigFields const& fields) {
  char const* const key = fields.has("rope_type") ? "rope_type" : "type";
  std::string const type = fields.text_or(key, "default");
  if (type == "default") {
    return RopeScaling::none;
  }
  if (type == "linear") {
    return RopeScaling::linear;
  }
  if (type == "llama3") {
    return RopeScaling::llama3;
  }
  if (type == "yarn") {
    return RopeScaling::yarn;
  }
  fields.refuse(key, "known scalings are default, linear, llama3, yarn");
}

void read_scaling(ConfigFields const& fields, RopeSpec& rope) {
  rope.scaling = scaling_from(fields);
  fields.expect_only("partial_rotary_factor", 1.0, "partial rotation is not supported");
  if (rope.scaling == RopeScaling::none) {
    return;
  }
  rope.factor = fields.number("factor");
  if (!(rope.factor >= 1.0)) {
    fields.refuse("factor", "must be at least 1");
  }
  rope.original_max_position =
      fields.number_or("original_max_position_embeddings", rope.original_max_position);
  rope.low_freq_factor = fields.number_or("low_freq_factor", rope.low_freq_factor);
  rope.high_freq_factor = fields.number_or("high_freq_factor", rope.high_freq_factor);
  rope.beta_fast = fields.number_or("beta_fast", rope.beta_fast);
  rope.beta_slow = fields.number_or("beta_slow", rope.beta_slow);
  rope.mscale = fields.number_or("mscale", rope.mscale);
  rope.mscale_all_dim = fields.number_or("mscale_all_dim", rope.mscale_all_dim);
  rope.truncate = fields.flag_or("truncate", rope.truncate);
  if (fields.has("attention_factor")) {
    rope.attention_factor = fields.number("attention_factor");
  }
  if (rope.scaling == RopeScaling::llama3 && !(rope.high_freq_factor > rope.low_freq_factor)) {
    fields.refuse("high_freq_factor", "must be greater than low_freq_factor");
  }
}

}  // namespace

RopeSpec read_rope(ConfigFields const& config, std::int64_t rotary_dim) {
  RopeSpec rope;
  rope.rotary_dim = rotary_dim;
  rope.theta = config.number_or("rope_theta", rope.theta);
  rope.original_max_position = config.number_or("max_position_embeddings", 0.0);
  config.expect_only("partial_rotary_factor", 1.0, "partial rotation is not supported");
  for (char const* const key : {"rope_scaling", "rope_parameters"}) {
    if (auto const fields = config.object(key)) {
      rope.theta = fields->number_or("rope_theta", rope.theta);
      read_scaling(*fields, rope);
    }
  }
  if (!(rope.theta > 1.0)) {
    config.refuse("rope_theta", "must be greater than 1");
  }
  if (rotary_dim % 2 != 0) {
    config.refuse("head_dim", "rotary embedding needs an even head size");
  }
  return rope;
}

}  // namespace talus::runtime
