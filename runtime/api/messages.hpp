// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/requests/answer.hpp"
#include "io/requests/request.hpp"
#include "runtime/api/talus/engine.hpp"

/// \file
/// Requests on their way to the engine's ranks, and answers on their way back, as bytes.

namespace talus::api {

/// What a message is: its first byte's meaning.
enum class Message : std::int64_t { request, answer };

/// What the bytes are.
[[nodiscard]] Message kind_of(std::span<std::byte const> bytes);

/// A request as its rank numbers it.
struct RequestMessage {
  std::int64_t number = 0;
  std::string line;  ///< of OpenAI's batch form
};

[[nodiscard]] std::vector<std::byte> encode(RequestMessage const& message);

/// \throws Error  if the bytes are not those of a request
[[nodiscard]] RequestMessage decode_request(std::span<std::byte const> bytes);

/// An answer to a rank's request.
///
/// \param line  as `talus run` writes it
[[nodiscard]] std::vector<std::byte> encode(std::int64_t number,
                                            io::Answer const& answer,
                                            std::string_view line);

/// Likewise, where there is none.
[[nodiscard]] std::vector<std::byte> encode(std::int64_t number,
                                            io::RequestError const& error,
                                            std::string_view line);

/// An answer message, taken apart without copies.
struct AnswerView {
  std::int64_t number = 0;
  Answer answer;
};

/// \param bytes  outlive the result
/// \throws Error  if they are not those of an answer
[[nodiscard]] AnswerView view_answer(std::span<std::byte const> bytes);

}  // namespace talus::api
