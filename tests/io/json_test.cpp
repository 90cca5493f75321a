// SPDX-License-Identifier: Apache-2.0
#include "io/json/json.hpp"

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus;
using namespace talus::io;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string refusal_of(std::string const& text) {
  try {
    static_cast<void>(parse_json(text, "in.json"));
  } catch (ConfigError const& error) {
    return error.what();
  }
  return "not refused";
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

std::string object_of(int num_keys) {
  std::string text;
  for (int i = 0; i < num_keys; ++i) {
    text += concat(i == 0 ? "{\"k" : ",\"k", i, "\":", i);
  }
  return text + '}';
}

}  // namespace

TEST_CASE("values are read as the library reads them, with keys in their order") {
  for (char const* const text :
       {"null",
        "[]",
        "{}",
        R"({"b":{"y":[1,-2,3.5,1e3,true,false,null]},"a":[[],{}],"":""})",
        R"(["\u00e9\ud83d\ude00\n\\\"", 18446744073709551615, -9223372036854775808, 1e-400])",
        " \t\r\n [ 1 , { \"a\" : { } } ] \n"}) {
    CAPTURE(text);
    CHECK(parse_json(text, "in.json") == Json::parse(text));
  }
  CHECK(parse_json(R"({"z":1,"a":2,"m":3})", "in.json").dump() == R"({"z":1,"a":2,"m":3})");
}

TEST_CASE("text that is not JSON is refused with its source, the place and the reason") {
  CHECK_THAT(refusal_of("{\"a\":\n 1,}"),
             ContainsSubstring("in.json: not valid JSON") && ContainsSubstring("line 2"));
  CHECK_THAT(refusal_of(""), ContainsSubstring("unexpected end of input"));
  CHECK_THAT(refusal_of("1 2"), ContainsSubstring("column 3"));
  CHECK_THAT(refusal_of("1e999"), ContainsSubstring("1e999"));
  CHECK_THAT(refusal_of("\"\xC3\x28\""), ContainsSubstring("UTF-8"));
  CHECK(refusal_of(concat('"', std::string(100'000, 'x'))).size() < 1000);
}

TEST_CASE("nesting and the number of values have limits") {
  CHECK_NOTHROW(parse_json(nested(max_json_depth), "in.json"));
  CHECK_THAT(refusal_of(nested(max_json_depth + 1)), ContainsSubstring("deeper than 200 levels"));
  CHECK_THAT(refusal_of(std::string(10'000'000, '[')), ContainsSubstring("deeper than 200"));

  std::string many = "[0";
  for (std::int64_t i = 0; i < max_json_values; ++i) {
    many += ",0";
  }
  CHECK_THAT(refusal_of(many), ContainsSubstring("more than 16777216 values"));
}

TEST_CASE("a key given twice is refused, in small objects and in large ones") {
  CHECK_THAT(refusal_of(R"({"a":1,"b":{"a":1},"a":2})"), ContainsSubstring("\"a\" twice"));
  CHECK_THAT(refusal_of(R"([{"a":1},{"b":{"c":1,"c":2}}])"), ContainsSubstring("\"c\" twice"));
  for (int const num_keys : {15, 16, 17, 18, 40}) {
    for (int const again : {0, num_keys - 1}) {
      CAPTURE(num_keys, again);
      std::string text = object_of(num_keys);
      text.back() = ',';
      text += concat("\"k", again, "\":0}");
      CHECK_THAT(refusal_of(text), ContainsSubstring(concat("\"k", again, "\" twice")));
    }
  }
}

TEST_CASE("an object of many keys is read in time linear in their number") {
  auto const seconds_of = [](int num_keys) {
    std::string const text = object_of(num_keys);
    auto const start = std::chrono::steady_clock::now();
    CHECK(parse_json(text, "in.json").size() == static_cast<std::size_t>(num_keys));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  static_cast<void>(seconds_of(50'000));
  double const few = seconds_of(50'000);
  // Quadratic would be 64 times as long; a busy machine is allowed for.
  CHECK(seconds_of(400'000) < 32 * few + 1.0);
}

TEST_CASE("values and texts are shown cut, as text that is always UTF-8") {
  CHECK(show_json(Json::parse(R"({"a":[1,"x"]})")) == R"({"a":[1,"x"]})");
  CHECK(show_json(Json(std::string(1000, 'x'))).size() == 83);
  CHECK(show_json(Json(std::vector<int>(100, 7))) == "array of 100 values");
  CHECK(show_text("a \"b\" \n") == R"(a \"b\" \n)");
  CHECK(show_text("\xFF") == "\xEF\xBF\xBD");
  CHECK(show_text(std::string(1'000'000, 'x')).size() == 203);
  std::string wide;
  for (int i = 0; i < 500; ++i) {
    wide += "\xE4\xB8\x80";
  }
  CHECK(show_text(wide) == wide.substr(0, 198) + "...");
}
