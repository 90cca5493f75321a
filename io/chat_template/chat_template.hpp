// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/json/json.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/source_location.hpp"

/// \file
/// Chat templates: a Jinja engine that renders what Hugging Face `transformers` renders.

namespace talus::io {

/// A template that can't be read or run, or that refused its input with raise_exception().
/// what() is "<name>, line <n>: <reason>".
class TemplateError final : public Error {
 public:
  TemplateError(std::string_view name,
                int line,
                std::string_view reason,
                SourceLocation where = SourceLocation::current());

  /// Where in the template, from 1.
  [[nodiscard]] int line() const noexcept { return line_; }

  /// What is wrong, without name and line: the words of raise_exception(), if that was it.
  [[nodiscard]] std::string const& reason() const noexcept { return reason_; }

 private:
  int line_;
  std::string reason_;
};

/// What a template may use, since it comes with a model and not from the user, and its clock.
/// Beyond a limit rendering ends with an error, on any machine at the same place. One value, the
/// variables too, may have at most 16 MiB, and be nested at most 400 deep.
struct RenderOptions {
  /// Evaluations of nodes of the template's tree, and comparable work: a second or two of it.
  std::int64_t max_steps = 10'000'000;

  /// Bytes of the rendered text.
  std::size_t max_output_bytes = std::size_t{64} << 20;

  /// Bytes of all values that are made along the way, freed ones included.
  std::size_t max_allocated_bytes = std::size_t{512} << 20;

  /// Levels of tags, expressions and calls within each other.
  int max_depth = 1000;

  /// The local date and time that strftime_now() prints; the system's if not set.
  std::optional<std::tm> now;
};

/// A parsed template. Any number of threads may render it at the same time.
class ChatTemplate {
 public:
  /// Bytes of a template's source.
  static constexpr std::size_t max_source_bytes = std::size_t{1} << 20;

  /// Reads a template from memory. What it may be: at most `max_source_bytes` long, its tags and
  /// brackets nested at most 200 deep, its expressions at most 400.
  ///
  /// \param source  UTF-8
  /// \param name    what to call it in an error: a file's name
  /// \throws TemplateError  if it isn't one, or uses what a chat template may not: other files
  [[nodiscard]] static ChatTemplate parse(std::string_view source, std::string_view name);

  /// Renders it.
  ///
  /// White space, filters, tests, methods and printing are those of Jinja with trim_blocks and
  /// lstrip_blocks, and the additions that `transformers` makes for chats: tojson without HTML
  /// escapes, raise_exception(), strftime_now(), {% generation %}, {% break %}, {% continue %}.
  /// Integers have 64 bits; one that doesn't fit is an error. It reads no file and no network.
  ///
  /// \param variables  an object: the names that the template sees
  /// \throws TemplateError  if the template fails, refuses the input, or goes beyond a limit
  [[nodiscard]] std::string render(Json const& variables, RenderOptions const& options = {}) const;

 private:
  struct Parsed;

  explicit ChatTemplate(std::shared_ptr<Parsed const> parsed) : parsed_{std::move(parsed)} {}

  std::shared_ptr<Parsed const> parsed_;
};

}  // namespace talus::io
