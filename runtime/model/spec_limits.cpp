// SPDX-License-Identifier: Apache-2.0
#include "runtime/model/spec_limits.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

// In floating point, since the very sizes that must be refused overflow integers.
double product(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) * static_cast<double>(b);
}

void check_extent(std::string const& source,
                  char const* what,
                  double extent,
                  std::int64_t most = max_extent) {
  if (extent > static_cast<double>(most)) {
    throw ConfigError{concat(source, ": ", what, " = ", extent, " (at most ", most, ')')};
  }
}

// Rows of the matrices that a layer's attention multiplies its input by.
double attention_rows(AttentionSpec const& attention) {
  return product(attention.heads, attention.head_dim) +
         product(attention.heads, attention.value_dim) +
         2 * product(attention.kv_heads, attention.head_dim) +
         static_cast<double>(attention.q_lora_rank + attention.kv_lora_rank);
}

double feed_forward_rows(FeedForwardSpec const& feed_forward) {
  auto rows = static_cast<double>(feed_forward.intermediate);
  if (feed_forward.moe) {
    rows += product(feed_forward.moe->num_experts, feed_forward.moe->intermediate) +
            static_cast<double>(feed_forward.moe->shared_intermediate);
  }
  return 3 * rows;
}

}  // namespace

void check_sizes(ModelSpec const& spec, std::string const& source) {
  auto const hidden = static_cast<double>(spec.hidden);
  check_extent(source, "hidden_size", hidden);
  check_extent(source, "vocab_size", static_cast<double>(spec.vocab));
  double parameters = 2 * product(spec.hidden, spec.vocab);
  for (LayerSpec const& layer : spec.layers) {
    AttentionSpec const& attention = layer.attention;
    check_extent(source, "num_attention_heads", static_cast<double>(attention.heads), max_parts);
    std::int64_t const widest = std::max(attention.head_dim, attention.value_dim);
    check_extent(source, "num_attention_heads * head_dim", product(attention.heads, widest));
    FeedForwardSpec const& feed_forward = layer.feed_forward;
    check_extent(source, "intermediate_size", static_cast<double>(feed_forward.intermediate));
    if (feed_forward.moe) {
      MoeSpec const& moe = *feed_forward.moe;
      check_extent(
          source, "the number of experts", static_cast<double>(moe.num_experts), max_parts);
      check_extent(source, "an expert's intermediate size", static_cast<double>(moe.intermediate));
      check_extent(source,
                   "the shared experts' intermediate size",
                   static_cast<double>(moe.shared_intermediate));
    }
    parameters += hidden * (attention_rows(attention) + feed_forward_rows(feed_forward));
  }
  if (parameters > max_parameters) {
    throw ConfigError{concat(source,
                             ": about ",
                             parameters,
                             " parameters by hidden_size = ",
                             spec.hidden,
                             ", vocab_size = ",
                             spec.vocab,
                             " and ",
                             spec.layers.size(),
                             " layers (at most ",
                             max_parameters,
                             ')')};
  }
}

}  // namespace talus::runtime
