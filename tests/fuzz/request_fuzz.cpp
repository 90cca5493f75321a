// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/answer.hpp"
#include "io/requests/request.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;
using test::require;

/// Any line is a request within its limits, or an error that can be written as one line of JSON.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const parsed = io::parse_request(test::text_of(data, size), 3, {});
  if (auto const* const error = std::get_if<io::RequestError>(&parsed)) {
    auto const line = io::format_error(*error, {"run", "model"});
    require(line.find('\n') == line.size() - 1, "an error is one line");
    auto const read = io::parse_json(line, "the error's line");
    require(!error->code.empty() && read["error"]["code"] == error->code, "an error has a code");
    require(error->message.size() < 2000, "an error is short");
    return 0;
  }
  auto const& request = std::get<io::Request>(parsed);
  require(!request.custom_id.empty(), "a request has an id");
  require(!io::find_problem(request.params), "parameters are within their limits");
  return 0;
}
