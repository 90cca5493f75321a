// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "io/tokenizer/detail/json_field.hpp"

namespace talus::io::tokenizer {

/// Changes a text before it is cut into words.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  /// Normalizes `text` in place; valid UTF-8 before and after.
  virtual void apply(std::string& text) const = 0;

  /// True if it may take characters away.
  [[nodiscard]] virtual bool drops_text() const noexcept { return false; }
};

/// The normalizer that `field` describes.
///
/// \throws ConfigError  naming the field, if its type is unknown or it is damaged
[[nodiscard]] std::unique_ptr<Normalizer const> make_normalizer(JsonField const& field);

}  // namespace talus::io::tokenizer
