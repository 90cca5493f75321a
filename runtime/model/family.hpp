// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

#include "runtime/model/config_fields.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// A model family: the model_type of config.json, and how its config becomes a spec.
struct Family {
  char const* model_type;
  void (*read)(ConfigFields const& config, ModelSpec& spec);
};

/// The families that Talus runs. Each is one file in families/.
[[nodiscard]] std::span<Family const> families();

/// Reads DIR/config.json, and the end-of-sequence ids of DIR/generation_config.json if there is
/// one.
///
/// \throws ConfigError  naming the file and the field; for a model_type that isn't known it lists
/// those
///                      that are
[[nodiscard]] ModelSpec read_model_spec(std::filesystem::path const& dir);

/// As read_model_spec, from the text of a config.
[[nodiscard]] ModelSpec read_model_spec(io::Json const& config, std::string const& source);

void read_llama(ConfigFields const& config, ModelSpec& spec);
void read_qwen3(ConfigFields const& config, ModelSpec& spec);
void read_qwen3_moe(ConfigFields const& config, ModelSpec& spec);
void read_deepseek_v3(ConfigFields const& config, ModelSpec& spec);

/// Reads a grouped-query attention by the usual names; each family adds what is its own.
[[nodiscard]] AttentionSpec read_grouped_query(ConfigFields const& config, ModelSpec const& spec);

}  // namespace talus::runtime
