// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/wrap.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "io/chat_template/detail/dict.hpp"
#include "io/chat_template/detail/text.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

bool is_blank(std::string_view text) {
  return !text.empty() && strip(text).empty();
}

bool is_letter(std::string_view text, std::size_t at) {
  if (at >= text.size()) {
    return false;
  }
  std::string_view rest = text.substr(at);
  return is_alpha(take_code_point(rest));
}

// Cuts a word behind each hyphen between letters.
void add_word(std::vector<std::string_view>& chunks, std::string_view word, bool on_hyphens) {
  for (std::size_t at = 1; on_hyphens && at + 1 < word.size(); ++at) {
    bool const is_after_letter = word[at] == '-' && is_alpha(last_code_point(word.substr(0, at)));
    if (is_after_letter && is_letter(word, at + 1)) {
      chunks.push_back(word.substr(0, at + 1));
      word.remove_prefix(at + 1);
      at = 0;
    }
  }
  chunks.push_back(word);
}

// Words, and the blanks between them.
std::vector<std::string_view> split_chunks(std::string_view line, bool on_hyphens) {
  std::vector<std::string_view> chunks;
  while (!line.empty()) {
    std::size_t const blank = line.size() - strip(line, Side::left).size();
    if (blank > 0) {
      chunks.push_back(line.substr(0, blank));
      line.remove_prefix(blank);
      continue;
    }
    std::string_view const word = split_spaces(line, Side::left, 1).front();
    add_word(chunks, word, on_hyphens);
    line.remove_prefix(word.size());
  }
  return chunks;
}

// Lines under construction.
class Wrapper {
 public:
  explicit Wrapper(WrapOptions const& options) : options_{options} {}

  void add(std::string_view chunk) {
    if (is_blank(chunk) && line_.empty() && !lines_.empty()) {
      return;
    }
    std::size_t const length = count_code_points(chunk);
    if (length_ + length <= options_.width) {
      line_ += chunk;
      length_ += length;
    } else if (length > options_.width) {
      add_long(chunk);
    } else {
      end_line();
      add(chunk);
    }
  }

  void end_line() {
    std::string_view const kept = strip(line_, Side::right);
    if (!kept.empty()) {
      lines_.emplace_back(kept);
    }
    line_.clear();
    length_ = 0;
  }

  std::vector<std::string> take() && {
    end_line();
    return std::move(lines_);
  }

 private:
  void add_long(std::string_view chunk) {
    if (!options_.breaks_long_words) {
      end_line();
      line_ = chunk;
      end_line();
      return;
    }
    while (!chunk.empty()) {
      std::string_view const part = chunk.substr(0, offset_of(chunk, options_.width - length_));
      line_ += part;
      length_ += count_code_points(part);
      chunk.remove_prefix(part.size());
      if (!chunk.empty()) {
        end_line();
      }
    }
  }

  WrapOptions const& options_;
  std::vector<std::string> lines_;
  std::string line_;
  std::size_t length_ = 0;
};

}  // namespace

std::vector<std::string> wrap_line(std::string_view line, WrapOptions const& options) {
  Wrapper wrapper{options};
  for (std::string_view const chunk : split_chunks(line, options.breaks_on_hyphens)) {
    wrapper.add(chunk);
  }
  return std::move(wrapper).take();
}

std::string center_text(std::string_view text, std::int64_t width, std::string_view fill) {
  auto const length = static_cast<std::int64_t>(count_code_points(text));
  std::int64_t const missing = std::max<std::int64_t>(width - length, 0);
  // An odd blank goes to the left if the width is odd.
  std::int64_t const left = missing / 2 + (missing & width & 1);
  return repeat(fill, static_cast<std::size_t>(left)) + std::string{text} +
         repeat(fill, static_cast<std::size_t>(missing - left));
}

Value named_arguments(Arguments const& arguments) {
  auto dict = std::make_shared<Dict>();
  for (auto const& [name, value] : arguments.named) {
    dict->set(Value{name}, value);
  }
  return Value{std::shared_ptr<Dict const>{std::move(dict)}};
}

}  // namespace talus::io::jinja
