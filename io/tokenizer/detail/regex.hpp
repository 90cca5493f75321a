// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct re_pattern_buffer;  // Oniguruma's regex_t
struct re_registers;       // Oniguruma's OnigRegion
struct OnigMatchParamStruct;

namespace talus::io::tokenizer {

/// The bytes [begin, end) of a text.
struct Span {
  std::size_t begin;
  std::size_t end;

  [[nodiscard]] bool is_empty() const noexcept { return begin == end; }
};

/// A part of a text that a pattern matches, or that lies between two matches.
struct Match {
  Span span;
  bool is_match;
};

/// A pattern in Oniguruma's default syntax over UTF-8, as tokenizer.json files have them.
class Regex {
 public:
  /// \param place  where the pattern is from, for errors: file and field
  /// \throws ConfigError  with Oniguruma's reason, if the pattern is wrong; or if it has more than
  ///                      64 KiB
  Regex(std::string_view pattern, std::string place);

  /// Matches `text` itself.
  [[nodiscard]] static Regex literal(std::string_view text, std::string place);

  /// One search after the other, with the memory of the last.
  class Searcher {
   public:
    explicit Searcher(Regex const& regex);

    /// Cuts text[range] into matches and what lies between, in order and without a gap; an empty
    /// match is one too. What is outside the range can't be seen by the pattern. Replaces `found`.
    ///
    /// \throws ConfigError  if the pattern backtracks too much: a search 10 million times, all of
    /// this
    ///                      object's 100 million times
    void find_all(std::string_view text, Span range, std::vector<Match>& found);

   private:
    bool find(std::string_view text, std::size_t from, Span& match);
    int search(std::string_view text, std::size_t from);

    struct FreeRegion {
      void operator()(re_registers* region) const noexcept;
    };

    struct FreeParameters {
      void operator()(OnigMatchParamStruct* parameters) const noexcept;
    };

    Regex const* regex_;
    std::unique_ptr<re_registers, FreeRegion> region_;
    std::unique_ptr<OnigMatchParamStruct, FreeParameters> parameters_;
    unsigned long budget_;  // backtracking steps beyond what every search may take
  };

 private:
  struct FreePattern {
    void operator()(re_pattern_buffer* pattern) const noexcept;
  };

  std::string source_;
  std::string place_;
  std::unique_ptr<re_pattern_buffer, FreePattern> pattern_;
};

}  // namespace talus::io::tokenizer
