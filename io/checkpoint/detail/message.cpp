// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint/detail/message.hpp"

#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"

namespace talus::io::detail {

std::string message_of(std::exception const& error) {
  bool const is_ours = dynamic_cast<Error const*>(&error) != nullptr;
  return is_ours ? without_place(error.what()) : error.what();
}

}  // namespace talus::io::detail
