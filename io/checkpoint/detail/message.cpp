// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/message.hpp"

#include <algorithm>

#include "runtime/base/error.hpp"

namespace talus::io::detail {

std::string message_of(std::exception const& error) {
  std::string text = error.what();
  if (dynamic_cast<Error const*>(&error) != nullptr) {
    text.resize(std::min(text.size(), text.rfind(" [")));
  }
  return text;
}

}  // namespace talus::io::detail
