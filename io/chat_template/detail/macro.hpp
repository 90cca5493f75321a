// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/object.hpp"

namespace talus::io::jinja {

/// A macro, or the body of a {% call %}, as a value.
class Macro final : public Object {
 public:
  /// \param around  the names that its body sees
  Macro(Evaluator& evaluator, MacroDefinition const& macro, std::shared_ptr<Scope> around)
      : evaluator_{evaluator}, macro_{macro}, around_{std::move(around)} {}

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] std::optional<Value> attribute(std::string_view name) override;

  [[nodiscard]] bool is_callable() const override { return true; }

  Value call(Runtime& runtime, Arguments const& arguments) override;

 private:
  Evaluator& evaluator_;
  MacroDefinition const& macro_;
  std::shared_ptr<Scope> around_;
};

}  // namespace talus::io::jinja
