// SPDX-License-Identifier: Apache-2.0
#include "io/requests/detail/harmony.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace talus::io::detail {
namespace {

constexpr std::string_view channel_mark = "<|channel|>";
constexpr std::string_view message_mark = "<|message|>";
constexpr std::string_view start_mark = "<|start|>";

// Those that end a message and belong to it; the other marks begin the next one.
constexpr std::array<std::string_view, 3> end_marks{"<|end|>", "<|return|>", "<|call|>"};

struct Body {
  std::string_view text;
  std::size_t next;  // where the next message's header begins
};

// The text from `begin` to the mark that ends it, or to the end of all.
Body body_at(std::string_view all, std::size_t begin) {
  std::size_t end = std::min(all.find(channel_mark, begin), all.find(start_mark, begin));
  std::size_t next = end;
  for (std::string_view const mark : end_marks) {
    std::size_t const at = all.find(mark, begin);
    if (at < end) {
      end = at;
      next = at + mark.size();
    }
  }
  end = std::min(end, all.size());
  return {all.substr(begin, end - begin), std::min(next, all.size())};
}

std::string_view channel_of(std::string_view header) {
  std::size_t const at = header.find(channel_mark);
  if (at == std::string_view::npos) {
    return {};
  }
  header.remove_prefix(at + channel_mark.size());
  return header.substr(0, header.find_first_of(" \t\r\n<"));
}

void append(std::optional<std::string>& part, std::string_view text) {
  if (part) {
    *part += '\n';
  }
  part = part.value_or("").append(text);
}

}  // namespace

SplitAnswer split_harmony(std::string_view text, PromptThinking prompt) {
  std::optional<std::string> reasoning;
  std::optional<std::string> content;
  std::size_t at = 0;
  if (!text.starts_with(channel_mark) && !text.starts_with(start_mark)) {
    Body const first = body_at(text, 0);
    if (!first.text.empty()) {
      append(prompt == PromptThinking::open ? reasoning : content, first.text);
    }
    at = first.next;
  }
  for (std::size_t mark = text.find(message_mark, at); mark != std::string_view::npos;
       mark = text.find(message_mark, at)) {
    std::string_view const header = text.substr(at, mark - at);
    Body const body = body_at(text, mark + message_mark.size());
    if (channel_of(header) == "analysis") {
      append(reasoning, body.text);
    } else if (header.find("to=") != std::string_view::npos) {
      append(content, text.substr(at, body.next - at));
    } else {
      append(content, body.text);
    }
    at = body.next;
  }
  return {std::move(reasoning), content.value_or("")};
}

}  // namespace talus::io::detail
