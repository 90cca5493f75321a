// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/chat_template.hpp"

#include <utility>

#include "io/chat_template/detail/convert.hpp"
#include "io/chat_template/detail/evaluator.hpp"
#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/parser.hpp"
#include "io/chat_template/detail/runtime.hpp"
#include "io/chat_template/detail/scopes.hpp"

namespace talus::io {

struct ChatTemplate::Parsed {
  std::string name;
  jinja::Body body;
  jinja::HiddenNames hidden;
};

TemplateError::TemplateError(std::string_view name,
                             int line,
                             std::string_view reason,
                             SourceLocation where)
    : Error{concat(name, ", line ", line, ": ", reason), where}, line_{line}, reason_{reason} {}

ChatTemplate ChatTemplate::parse(std::string_view source, std::string_view name) {
  if (source.size() > max_source_bytes) {
    throw TemplateError{
        name,
        1,
        concat(
            "template of ", source.size(), " bytes (at most ", max_source_bytes, " are allowed)")};
  }
  try {
    jinja::Body body = jinja::Parser{jinja::tokenize(source)}.parse();
    jinja::HiddenNames hidden = jinja::find_hidden_names(body);
    return ChatTemplate{std::make_shared<Parsed const>(
        Parsed{std::string{name}, std::move(body), std::move(hidden)})};
  } catch (jinja::SyntaxFailure const& failure) {
    throw TemplateError{name, failure.line(), failure.what()};
  }
}

std::string ChatTemplate::render(Json const& variables, RenderOptions const& options) const {
  jinja::Runtime runtime{options};
  int line = 1;
  try {
    jinja::Value const values = jinja::to_value(variables);
    if (!values.is(jinja::Kind::dict)) {
      jinja::fail("the variables must be an object");
    }
    jinja::Evaluator evaluator{runtime, values};
    try {
      return evaluator.run(parsed_->body, parsed_->hidden);
    } catch (jinja::Failure const&) {
      line = evaluator.line();
      throw;
    }
  } catch (jinja::Failure const& failure) {
    throw TemplateError{parsed_->name, line, failure.what()};
  }
}

}  // namespace talus::io
