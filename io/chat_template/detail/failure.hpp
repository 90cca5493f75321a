// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>

#include "runtime/base/error.hpp"

namespace talus::io::jinja {

/// What goes wrong while a template is read or run. The public functions turn it into a
/// TemplateError, with the template's name and line.
class Failure final : public std::runtime_error {
 public:
  explicit Failure(std::string const& message) : std::runtime_error{message} {}
};

/// Throws a Failure whose message is the arguments joined.
template <class... Args>
[[noreturn]] void fail(Args const&... args) {
  throw Failure{concat(args...)};
}

}  // namespace talus::io::jinja
