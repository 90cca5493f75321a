// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/options.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <map>
#include <type_traits>

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"
#include "runtime/base/is_optional.hpp"
#include "runtime/batch/model_options.hpp"

namespace talus {
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view allowed) {
  throw EngineError{ErrorCode::invalid, concat(name, ": ", value, " (", allowed, ')')};
}

/// How often a unit behind a number holds a byte: K, M, G, T and with B or iB behind; 0: no unit.
std::uint64_t unit_of(std::string_view text) {
  constexpr std::string_view units = "KMGT";
  if (text.empty() || text == "B" || text == "b") {
    return 1;
  }
  std::size_t const place =
      units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.front()))));
  std::string_view const rest = text.substr(1);
  bool const is_unit = place != std::string_view::npos &&
                       (rest.empty() || rest == "B" || rest == "b" || rest == "iB" || rest == "ib");
  return is_unit ? std::uint64_t{1} << (10 * (place + 1)) : 0;
}

/// Sets the one member whose flag has the name.
class Setter {
 public:
  Setter(std::string_view name, std::string_view value) : name_{name}, value_{value} {}

  template <class T>
  void operator()(std::string_view flags, T& member, std::string_view /*help*/) {
    for (std::size_t at = 0; at < flags.size();) {
      std::size_t const end = std::min(flags.find(',', at), flags.size());
      std::string_view flag = flags.substr(at, end - at);
      at = end + 1;
      bool const is_negative = flag.starts_with('!');
      flag.remove_prefix(is_negative ? 3 : 2);
      if (flag != name_) {
        continue;
      }
      is_found_ = true;
      takes_bytes_ = runtime::takes_bytes(flags);
      set(member);
      if constexpr (std::is_same_v<T, bool>) {
        member = member != is_negative;
      }
    }
  }

  [[nodiscard]] bool is_found() const noexcept { return is_found_; }

 private:
  template <class T>
  void set(T& member) {
    if constexpr (std::is_same_v<T, std::string>) {
      member = value_;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (value_ != "true" && value_ != "false") {
        refuse(name_, value_, "allowed: true, false");
      }
      member = value_ == "true";
    } else if constexpr (is_optional<T>) {
      set(member.emplace());
    } else {
      char const* const last = value_.data() + value_.size();
      auto const [rest, error] = std::from_chars(value_.data(), last, member);
      std::uint64_t const unit =
          takes_bytes_ ? unit_of({rest, static_cast<std::size_t>(last - rest)}) : rest == last;
      if (error != std::errc{} || unit == 0) {
        refuse(name_,
               value_,
               takes_bytes_ ? "must be bytes, or like 512M, 4G" : "must be a whole number");
      }
      member *= static_cast<T>(unit);
    }
  }

  std::string_view name_;
  std::string_view value_;
  bool is_found_ = false;
  bool takes_bytes_ = false;
};

/// The options that are an engine's own, or of its answers.
template <class Visitor>
void visit_engine_options(Options& o, Visitor&& visit) {
  visit("--served-model-name", o.served_model_name, "");
  visit("--chat-template", o.chat_template, "");
  visit("--reasoning-parser", o.reasoning_parser, "");
  visit("--engine-ranks", o.engine_ranks, "");
  visit("--max-in-flight", o.max_in_flight, "");
  visit("--needs-clients", o.needs_clients, "");
}

}  // namespace

void set_option(Options& options, std::string_view name, std::string_view value) {
  if (name == "role") {
    std::map<std::string_view, Role> const roles = {
        {"auto", Role::automatic}, {"engine", Role::engine}, {"client", Role::client}};
    auto const role = roles.find(value);
    if (role == roles.end()) {
      refuse(name, value, "allowed: auto, engine, client");
    }
    options.role = role->second;
    return;
  }
  Setter setter{name, value};
  runtime::visit_model_options(options, setter);
  visit_engine_options(options, setter);
  if (!setter.is_found()) {
    refuse("option", name, "not an option of an engine; README.md lists those");
  }
}

}  // namespace talus

namespace talus::api {

runtime::ModelOptions model_options(Options const& options) {
  using Text = std::string_view;
  runtime::ModelOptions model;
  runtime::visit_model_options(options, [&](Text flags, auto const& value, Text) {
    bool is_copied = false;
    runtime::visit_model_options(model, [&](Text others, auto& member, Text) {
      if constexpr (std::is_same_v<decltype(value),
                                   std::remove_reference_t<decltype(member)> const&>) {
        if (flags == others) {
          member = value;
          is_copied = true;
        }
      }
    });
    TALUS_EXPECT(is_copied);  // else it has another type here than there
  });
  return model;
}

}  // namespace talus::api
