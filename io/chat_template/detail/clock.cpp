// SPDX-License-Identifier: Apache-2.0
#include "io/chat_template/detail/clock.hpp"

#include <chrono>
#include <vector>

#include "io/chat_template/detail/failure.hpp"
#include "io/chat_template/detail/unicode.hpp"

namespace talus::io::jinja {
namespace {

constexpr std::size_t max_bytes = 65536;

struct Instant {
  std::tm fields{};
  int microsecond = 0;
};

Instant local_now() {
  using std::chrono::duration_cast;
  auto const now = std::chrono::system_clock::now();
  std::time_t const seconds = std::chrono::system_clock::to_time_t(now);
  Instant instant;
  if (::localtime_r(&seconds, &instant.fields) == nullptr) {
    fail("strftime_now: the system has no local time");
  }
  auto const since_epoch = duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  instant.microsecond = static_cast<int>(since_epoch.count() % 1'000'000);
  return instant;
}

// The given fields, with the day of the week and of the year that follow from them.
Instant complete(std::tm fields) {
  fields.tm_isdst = 0;
  if (::timegm(&fields) == -1 && fields.tm_year != 69) {
    fail("strftime_now: the time given is none");
  }
  return {fields, 0};
}

// Replaces what strftime() of C does not know, or would take from the system: %f, and the time
// zone, which a Python datetime does not have by itself.
std::string expand_own(std::string_view format, Instant const& now) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    char const letter = format[++i];
    if (letter == 'f') {
      std::string const digits = std::to_string(now.microsecond);
      out += std::string(6 - digits.size(), '0') + digits;
    } else if (letter != 'z' && letter != 'Z') {
      out += {'%', letter};
    }
  }
  return out;
}

}  // namespace

std::string format_time(std::string_view format, std::optional<std::tm> const& now) {
  Instant const instant = now ? complete(*now) : local_now();
  // The text is longer by a mark, so that an empty result can be told from one too long.
  std::string const full = expand_own(format, instant) + '.';
  std::vector<char> buffer(max_bytes);
  std::size_t const size =
      std::strftime(buffer.data(), buffer.size(), full.c_str(), &instant.fields);
  if (size == 0 || format.find('\0') != std::string_view::npos) {
    fail("strftime_now: the format is too long");
  }
  std::string text{buffer.data(), size - 1};
  if (!is_valid_utf8(text)) {
    fail("strftime_now: the system's locale is not UTF-8");
  }
  return text;
}

}  // namespace talus::io::jinja
