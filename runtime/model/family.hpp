// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "runtime/model/config_fields.hpp"
#include "runtime/model/spec.hpp"

namespace talus::runtime {

/// What holds in a family where its config says nothing; 0: the config must say it.
struct FamilyDefaults {
  std::int64_t vocab = 0;
  std::int64_t max_position = 0;
  double norm_epsilon = 1e-6;
  bool tied_embeddings = false;
};

/// A model family: the model_type of config.json, and how its config becomes a spec.
struct Family {
  char const* model_type;
  void (*read)(ConfigFields const& config, ModelSpec& spec);
  FamilyDefaults defaults{};
};

/// The families that Talus runs. Each is one file in families/.
[[nodiscard]] std::span<Family const> families();

/// The texts that say what a model is.
struct ModelTexts {
  std::string config;                     ///< config.json
  std::optional<std::string> generation;  ///< generation_config.json, if there is one
};

/// Reads them from a model's directory.
///
/// \throws ConfigError  naming the file, if one can't be read
[[nodiscard]] ModelTexts read_model_texts(std::filesystem::path const& dir);

/// Reads DIR/config.json, and the end-of-sequence ids of DIR/generation_config.json if there is
/// one. Of a model of text and images it is the text model's config that counts.
///
/// \throws ConfigError  naming the file and the field; for a model_type that isn't known it lists
///                      those that are; for a field that changes the arithmetic, is not neutral and
///                      belongs to no feature of the family
[[nodiscard]] ModelSpec read_model_spec(std::filesystem::path const& dir);

/// The same from the texts; `dir` is for messages only.
[[nodiscard]] ModelSpec read_model_spec(ModelTexts const& texts, std::filesystem::path const& dir);

/// As read_model_spec, from the text of a config.
[[nodiscard]] ModelSpec read_model_spec(io::Json const& config, std::string const& source);

}  // namespace talus::runtime
