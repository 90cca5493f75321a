// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/options.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/base/is_optional.hpp"
#include "runtime/batch/model_options.hpp"

#include "tests/support/catch.hpp"

namespace {

std::string_view name_in(std::string_view flags) {
  return flags.substr(2, flags.find(',') - 2);
}

/// Another value than an option has.
template <class T>
T unlike(T const& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return "unusual";
  } else if constexpr (std::is_same_v<T, bool>) {
    return !value;
  } else if constexpr (talus::is_optional<T>) {
    return unlike(typename T::value_type{});
  } else {
    return 77;
  }
}

template <class T>
std::string text_of(T const& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (talus::is_optional<T>) {
    return value ? text_of(*value) : "none";
  } else {
    return std::to_string(value);
  }
}

}  // namespace

TEST_CASE("every option of a model that is set by its name is that of the engine's model") {
  talus::Options options;
  talus::runtime::ModelOptions const defaults;
  std::vector<std::string> expected;
  talus::runtime::visit_model_options(
      defaults, [&]<class T>(std::string_view flags, T const& usual, std::string_view) {
        T const value = unlike(usual);
        CHECK_FALSE(value == usual);
        expected.push_back(text_of(value));
        talus::set_option(options, name_in(flags), expected.back());
      });
  REQUIRE(expected.size() > 20);

  talus::runtime::ModelOptions const model = talus::api::model_options(options);

  std::size_t number = 0;
  talus::runtime::visit_model_options(
      model, [&]<class T>(std::string_view flags, T const& member, std::string_view) {
        INFO(flags);
        CHECK(text_of(member) == expected[number++]);
      });
}
