// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/loop.hpp"

namespace talus::io::jinja {

/// Another scope is the current one, as long as this lives.
class Evaluator::Inside {
 public:
  Inside(Evaluator& evaluator, std::shared_ptr<Scope> scope)
      : evaluator_{evaluator}, outer_{std::exchange(evaluator.scope_, std::move(scope))} {}

  Inside(Inside const&) = delete;
  Inside& operator=(Inside const&) = delete;

  ~Inside() { evaluator_.scope_ = std::move(outer_); }

 private:
  Evaluator& evaluator_;
  std::shared_ptr<Scope> outer_;
};

/// What is written goes to another text, as long as this lives.
class Evaluator::Capture {
 public:
  Capture(Evaluator& evaluator, std::string& out)
      : evaluator_{evaluator}, outer_{std::exchange(evaluator.out_, &out)} {}

  Capture(Capture const&) = delete;
  Capture& operator=(Capture const&) = delete;

  ~Capture() { evaluator_.out_ = outer_; }

 private:
  Evaluator& evaluator_;
  std::string* outer_;
};

/// Finishes a loop, however it ends.
class LoopEnd {
 public:
  explicit LoopEnd(Loop& loop) : loop_{loop} {}

  LoopEnd(LoopEnd const&) = delete;
  LoopEnd& operator=(LoopEnd const&) = delete;

  ~LoopEnd() { loop_.finish(); }

 private:
  Loop& loop_;
};

}  // namespace talus::io::jinja
