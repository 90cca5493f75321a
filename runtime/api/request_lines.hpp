// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/api/talus/engine.hpp"

namespace talus::api {

/// A program's request on its way to a line of OpenAI's batch form: what `talus run` reads, so that
/// both answer alike.
class RequestText {
 public:
  /// \throws EngineError  if the body is no JSON object with a prompt or messages
  explicit RequestText(JsonRequest const& request);

  explicit RequestText(TokenRequest const& request);

  /// The line.
  ///
  /// \param rank, number  that name it, if the program doesn't
  [[nodiscard]] std::string line(int rank, RequestId number) const;

 private:
  std::string custom_id_;
  bool is_chat_ = false;
  std::string body_;
};

}  // namespace talus::api
