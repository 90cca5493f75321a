// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/object.hpp"

namespace talus::io::jinja {

/// The items of a loop as it walks them, and the value of `loop`.
class Loop final : public Object {
 public:
  /// \param around  the names that the loop's condition and its recursion see
  Loop(Evaluator& evaluator,
       ForStatement const& statement,
       std::shared_ptr<Scope> around,
       std::shared_ptr<Sequence const> items,
       int depth)
      : evaluator_{evaluator},
        statement_{statement},
        around_{std::move(around)},
        source_{std::move(items)},
        depth_{depth} {}

  /// Goes to the next item that the condition takes; false at the end.
  bool advance();

  [[nodiscard]] Value const& item() const { return accepted_[index_ - 1]; }

  /// Forgets what may refer to the loop itself, now that it has ended.
  void finish();

  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] std::optional<Value> attribute(std::string_view name) override;

  [[nodiscard]] bool is_callable() const override { return true; }

  Value call(Runtime& runtime, Arguments const& arguments) override;

  [[nodiscard]] std::size_t weight() const override { return source_->weight(); }

  [[nodiscard]] int depth() const override { return source_->depth() + 1; }

  Value cycle(Arguments const& arguments) const;
  bool changed(Arguments const& arguments);

 private:
  // Makes sure that `count` items have passed the condition, if there are that many.
  bool look_ahead(std::size_t count);
  std::size_t length();
  [[nodiscard]] std::optional<Value> count_attribute(std::string_view name);
  [[nodiscard]] std::optional<Value> neighbor_attribute(std::string_view name);

  Evaluator& evaluator_;
  ForStatement const& statement_;
  std::shared_ptr<Scope> around_;
  std::shared_ptr<Sequence const> source_;
  int depth_;
  std::size_t num_looked_at_ = 0;  // of the source
  std::vector<Value> accepted_;
  std::size_t index_ = 0;  // of the current item, from 1
  std::optional<std::vector<Value>> last_changed_;
};

}  // namespace talus::io::jinja
