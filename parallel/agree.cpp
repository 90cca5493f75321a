// SPDX-License-Identifier: Apache-2.0
#include "parallel/agree.hpp"

#include <charconv>
#include <cstdint>

#include "parallel/broadcast_text.hpp"
#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/source_location.hpp"

namespace talus::parallel {

namespace {

// Throws a text that may end with " [file:line]", as errors' texts do, without saying here as well.
[[noreturn]] void throw_text(std::string const& text, std::string const& remark) {
  std::size_t const bracket = text.rfind(" [");
  std::size_t const colon = text.rfind(':');
  int line = 0;
  if (bracket != std::string::npos && colon != std::string::npos && colon > bracket &&
      text.back() == ']') {
    char const* const digits = text.data() + colon + 1;
    std::from_chars(digits, text.data() + text.size() - 1, line);
  }
  if (line == 0) {
    throw ConfigError{text + remark};
  }
  std::string const file = text.substr(bracket + 2, colon - bracket - 2);
  throw ConfigError{text.substr(0, bracket) + remark, SourceLocation{file.c_str(), line}};
}

std::string text_of(std::exception_ptr const& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (std::exception const& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

void agree_or_throw(Communicator const& comm, std::optional<std::string> const& failure) {
  std::int32_t const mine = failure ? comm.rank() : comm.size();
  std::int32_t const lowest = all_reduce(comm, mine, ReduceOp::min);
  if (lowest == comm.size()) {
    return;
  }
  std::int32_t const num_failed = all_reduce(comm, failure ? 1 : 0, ReduceOp::sum);
  std::string const text = broadcast_text(comm, failure.value_or(""), lowest);
  throw_text(text,
             num_failed == comm.size() ? "" : concat(" (rank ", lowest, " of ", comm.size(), ")"));
}

void agree_or_throw(Communicator const& comm, std::exception_ptr failure) {
  agree_or_throw(comm, failure ? std::optional{text_of(failure)} : std::nullopt);
}

void run_and_agree(Communicator const& comm, std::function<void()> const& work) {
  std::exception_ptr failure;
  try {
    work();
  } catch (...) {
    failure = std::current_exception();
  }
  agree_or_throw(comm, failure);
}

}  // namespace talus::parallel
