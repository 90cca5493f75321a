// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "io/chat_template/chat_template.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace talus;

namespace {

io::Json variables() {
  return io::Json::parse(R"({
    "messages": [
      {"role": "system", "content": "Be kind."},
      {"role": "user", "content": "2 + 2? <b>\"&\"</b> \u4e00"},
      {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "id": "c1",
        "function": {"name": "add", "arguments": {"a": 2, "b": [2.5, true, null]}}}]},
      {"role": "tool", "content": "4", "tool_call_id": "c1"}],
    "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.",
      "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}],
    "documents": null, "add_generation_prompt": true, "enable_thinking": false,
    "bos_token": "<s>", "eos_token": "</s>", "n": 7, "x": -1.5})");
}

}  // namespace

/// Any template is refused, or renders within its limits.
int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  io::RenderOptions limits;
  limits.max_steps = 20'000;
  limits.max_output_bytes = std::size_t{1} << 16U;
  limits.max_allocated_bytes = std::size_t{1} << 22U;
  limits.max_depth = 100;
  limits.now = std::tm{};
  limits.now->tm_mday = 1;
  test::refuse_or_run("input.jinja", [&] {
    auto const parsed = io::ChatTemplate::parse(test::text_of(data, size), "input.jinja");
    auto const text = parsed.render(variables(), limits);
    test::require(text.size() <= limits.max_output_bytes, "the text is not larger than allowed");
  });
  return 0;
}
