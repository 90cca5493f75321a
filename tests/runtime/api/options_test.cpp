// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/options.hpp"

#include <string_view>
#include <type_traits>

#include "runtime/base/is_optional.hpp"
#include "runtime/batch/model_options.hpp"

#include "tests/support/catch.hpp"

namespace {

std::string_view name_in(std::string_view flags) {
  return flags.substr(2, flags.find(',') - 2);
}

/// A value that is no option's default.
template <class T>
T unusual() {
  if constexpr (std::is_same_v<T, std::string>) {
    return "unusual";
  } else if constexpr (std::is_same_v<T, bool>) {
    return false;
  } else if constexpr (talus::is_optional<T>) {
    return unusual<typename T::value_type>();
  } else {
    return 77;
  }
}

}  // namespace

TEST_CASE("every option of a model that is set by its name is that of the engine's model") {
  talus::Options options;
  talus::runtime::ModelOptions expected;
  int count = 0;
  talus::runtime::visit_model_options(
      expected, [&]<class T>(std::string_view flags, T& member, std::string_view) {
        CHECK_FALSE(member == unusual<T>());
        member = unusual<T>();
        bool const is_text = std::is_same_v<T, std::string>;
        bool const is_bool = std::is_same_v<T, bool>;
        talus::set_option(options, name_in(flags), is_text ? "unusual" : is_bool ? "false" : "77");
        ++count;
      });
  REQUIRE(count > 20);

  talus::runtime::ModelOptions const model = talus::api::model_options(options);

  talus::runtime::visit_model_options(
      model, [&]<class T>(std::string_view flags, T const& member, std::string_view) {
        INFO(flags);
        CHECK(member == unusual<T>());
      });
}
