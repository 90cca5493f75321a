// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/messages.hpp"

#include <cstring>
#include <utility>

#include "runtime/base/error.hpp"
#include "runtime/engine/wire.hpp"

namespace talus::api {
namespace {

using runtime::WireReader;
using runtime::WireWriter;

/// What stands at the front of an answer: all of eight bytes, so that the tokens behind are
/// aligned.
struct AnswerHead {
  Message kind = Message::answer;
  std::int64_t number = 0;
  std::int64_t status = 0;
  std::int64_t prompt_tokens = 0;
  std::int64_t line_bytes = 0;
  std::int64_t error_bytes = 0;
  std::int64_t num_choices = 0;
};

struct ChoiceHead {
  std::int64_t num_tokens = 0;
  std::int64_t text_bytes = 0;
  std::int64_t reason_bytes = 0;
};

void append(std::vector<std::byte>& bytes, void const* data, std::size_t size) {
  auto const* const first = static_cast<std::byte const*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

void append(std::vector<std::byte>& bytes, std::string_view text) {
  append(bytes, text.data(), text.size());
}

std::string_view without_break(std::string_view line) {
  return line.substr(0, line.find_last_not_of('\n') + 1);
}

/// Takes views of parts of a message, in their order.
class Cutter {
 public:
  explicit Cutter(std::span<std::byte const> bytes) : bytes_{bytes} {}

  template <class T>
  [[nodiscard]] T value() {
    T value{};
    std::memcpy(&value, cut(sizeof value), sizeof value);
    return value;
  }

  [[nodiscard]] std::string_view text(std::int64_t size) {
    return {reinterpret_cast<char const*>(cut(static_cast<std::size_t>(size))),
            static_cast<std::size_t>(size)};
  }

  [[nodiscard]] std::span<std::int32_t const> tokens(std::int64_t count) {
    auto const size = static_cast<std::size_t>(count);
    return {reinterpret_cast<std::int32_t const*>(cut(size * sizeof(std::int32_t))), size};
  }

 private:
  [[nodiscard]] std::byte const* cut(std::size_t size) {
    if (size > bytes_.size()) {
      throw Error{"an answer between ranks is shorter than it says"};
    }
    std::byte const* const first = bytes_.data();
    bytes_ = bytes_.subspan(size);
    return first;
  }

  std::span<std::byte const> bytes_;
};

}  // namespace

Message kind_of(std::span<std::byte const> bytes) {
  return Cutter{bytes}.value<Message>();
}

std::vector<std::byte> encode(RequestMessage const& message) {
  std::vector<std::byte> bytes;
  WireWriter out{bytes};
  out.value(Message::request);
  out.value(message.number);
  out.text(message.line);
  return bytes;
}

RequestMessage decode_request(std::span<std::byte const> bytes) {
  WireReader in{bytes};
  static_cast<void>(in.value<Message>());
  RequestMessage message;
  message.number = in.value<std::int64_t>();
  message.line = in.text();
  return message;
}

std::vector<std::byte> encode(std::int64_t number,
                              io::Answer const& answer,
                              std::string_view line) {
  line = without_break(line);
  AnswerHead const head{.number = number,
                        .status = 200,
                        .prompt_tokens = answer.prompt_tokens,
                        .line_bytes = std::ssize(line),
                        .num_choices = std::ssize(answer.choices)};
  std::vector<std::byte> bytes;
  append(bytes, &head, sizeof head);
  for (io::Choice const& choice : answer.choices) {
    ChoiceHead const part{std::ssize(choice.tokens),
                          std::ssize(choice.text),
                          std::ssize(name_of(choice.finish_reason))};
    append(bytes, &part, sizeof part);
  }
  for (io::Choice const& choice : answer.choices) {
    append(bytes, choice.tokens.data(), choice.tokens.size() * sizeof(std::int32_t));
  }
  for (io::Choice const& choice : answer.choices) {
    append(bytes, choice.text);
    append(bytes, name_of(choice.finish_reason));
  }
  append(bytes, line);
  return bytes;
}

std::vector<std::byte> encode(std::int64_t number,
                              io::RequestError const& error,
                              std::string_view line) {
  line = without_break(line);
  AnswerHead const head{.number = number,
                        .status = error.status_code,
                        .line_bytes = std::ssize(line),
                        .error_bytes = std::ssize(error.message)};
  std::vector<std::byte> bytes;
  append(bytes, &head, sizeof head);
  append(bytes, line);
  append(bytes, error.message);
  return bytes;
}

AnswerView view_answer(std::span<std::byte const> bytes) {
  Cutter in{bytes};
  auto const head = in.value<AnswerHead>();
  AnswerView view;
  view.number = head.number;
  view.answer.status = static_cast<int>(head.status);
  view.answer.prompt_tokens = head.prompt_tokens;
  std::vector<ChoiceHead> parts;
  for (std::int64_t i = 0; i < head.num_choices; ++i) {
    parts.push_back(in.value<ChoiceHead>());
  }
  for (ChoiceHead const& part : parts) {
    view.answer.choices.push_back(
        {.text = {}, .tokens = in.tokens(part.num_tokens), .finish_reason = {}});
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    view.answer.choices[i].text = in.text(parts[i].text_bytes);
    view.answer.choices[i].finish_reason = in.text(parts[i].reason_bytes);
  }
  view.answer.json = in.text(head.line_bytes);
  view.answer.error = in.text(head.error_bytes);
  return view;
}

}  // namespace talus::api
