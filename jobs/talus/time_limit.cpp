// SPDX-License-Identifier: Apache-2.0
#include "jobs/talus/time_limit.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>

#include "jobs/talus/program_output.hpp"
#include "runtime/base/error.hpp"

namespace talus::jobs {
namespace {

using std::chrono::seconds;

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value}
                                                                  : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<seconds> slurm_time_left(char const* job, SchedulerAccess const& access) {
  if (char const* const end = access.variable("SLURM_JOB_END_TIME")) {
    if (auto const unix_time = parse_number<std::int64_t>(end)) {
      return seconds{*unix_time} -
             std::chrono::duration_cast<seconds>(access.now().time_since_epoch());
    }
  }
  auto const told = access.output_of({"squeue", "--noheader", "--format=%L", "--jobs", job});
  return told ? parse_duration(trimmed(*told)) : std::nullopt;
}

/// The value in a line "    key = value" of what qstat prints; empty: there is none.
std::string_view value_of(std::string_view text, std::string_view key) {
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t const end = std::min(text.find('\n', begin), text.size());
    std::string_view const line = trimmed(text.substr(begin, end - begin));
    if (line.substr(0, key.size()) == key && line.substr(key.size(), 3) == " = ") {
      return line.substr(key.size() + 3);
    }
    begin = end + 1;
  }
  return {};
}

/// A time as qstat prints it, like "Sat Nov 29 06:17:00 2025", in this machine's time zone.
std::optional<std::chrono::system_clock::time_point> parse_date(std::string_view text) {
  std::tm date{};
  date.tm_isdst = -1;
  std::string const terminated{text};
  char const* const end = strptime(terminated.c_str(), "%a %b %e %H:%M:%S %Y", &date);
  if (end == nullptr || *end != '\0') {
    return std::nullopt;
  }
  return std::chrono::system_clock::from_time_t(std::mktime(&date));
}

std::optional<seconds> pbs_time_left(char const* job, SchedulerAccess const& access) {
  auto const told = access.output_of({"qstat", "-f", job});
  if (!told) {
    return std::nullopt;
  }
  if (auto const left = parse_number<std::int64_t>(value_of(*told, "Walltime.Remaining"))) {
    return seconds{*left};
  }
  auto const walltime = parse_duration(value_of(*told, "Resource_List.walltime"));
  auto const start = parse_date(value_of(*told, "stime"));
  if (!walltime || !start) {
    return std::nullopt;
  }
  return *walltime - std::chrono::duration_cast<seconds>(access.now() - *start);
}

std::optional<seconds> flux_time_left(char const* /*job*/, SchedulerAccess const& access) {
  auto const told = access.output_of({"flux", "job", "timeleft"});
  auto const left = told ? parse_number<double>(trimmed(*told)) : std::nullopt;
  if (!left || !std::isfinite(*left)) {
    return std::nullopt;
  }
  return seconds{static_cast<std::int64_t>(*left)};
}

struct Scheduler {
  char const* name;
  char const* job_variable;  ///< set in its jobs
  std::optional<seconds> (*time_left)(char const* job, SchedulerAccess const& access);
};

// Flux may run inside of a job of another one, whose limit then is the outer one's, which it knows.
constexpr std::array<Scheduler, 3> schedulers = {{{"Flux", "FLUX_JOB_ID", flux_time_left},
                                                  {"Slurm", "SLURM_JOB_ID", slurm_time_left},
                                                  {"PBS", "PBS_JOBID", pbs_time_left}}};

}  // namespace

std::optional<seconds> parse_duration(std::string_view text) {
  std::int64_t days = 0;
  if (auto const dash = text.find('-'); dash != std::string_view::npos) {
    auto const some = parse_number<std::int64_t>(text.substr(0, dash));
    if (!some || *some < 0 || *some > 36500) {
      return std::nullopt;
    }
    days = *some;
    text.remove_prefix(dash + 1);
  }
  std::int64_t total = 0;
  int num_fields = 0;
  for (bool is_last = false; !is_last; ++num_fields) {
    auto const colon = text.find(':');
    is_last = colon == std::string_view::npos;
    auto const field = parse_number<std::int64_t>(text.substr(0, colon));
    if (!field || *field < 0 || *field > (num_fields == 0 ? 1'000'000 : 59)) {
      return std::nullopt;
    }
    total = 60 * total + *field;
    text.remove_prefix(is_last ? text.size() : colon + 1);
  }
  bool const is_known = num_fields == 3 || (num_fields == 2 && days == 0);
  return is_known ? std::optional{seconds{86'400 * days + total}} : std::nullopt;
}

SchedulerAccess real_access() {
  return {.variable = [](char const* name) { return std::getenv(name); },
          .output_of =
              [](std::vector<std::string> const& command) {
                return program_output(command, std::chrono::seconds{10});
              },
          .now = [] { return std::chrono::system_clock::now(); }};
}

std::optional<TimeLeft> time_left(std::string const& time_limit, SchedulerAccess const& access) {
  if (time_limit == "none") {
    return std::nullopt;
  }
  if (time_limit != "auto") {
    auto const left = parse_duration(time_limit);
    if (!left) {
      throw ConfigError{concat(
          "--time-limit: ", time_limit, " (allowed: auto, none, HH:MM:SS, D-HH:MM:SS, MM:SS)")};
    }
    return TimeLeft{*left, "--time-limit"};
  }
  for (Scheduler const& scheduler : schedulers) {
    if (char const* const job = access.variable(scheduler.job_variable)) {
      if (auto const left = scheduler.time_left(job, access)) {
        return TimeLeft{*left, scheduler.name};
      }
    }
  }
  return std::nullopt;
}

void check_limit(std::string const& time_limit, double margin_s) {
  constexpr double longest_margin = 1e6;  // seconds: a clock can't hold every number
  if (!(margin_s >= 0.0 && margin_s <= longest_margin)) {
    throw ConfigError{concat("--time-margin: ", margin_s, " (allowed: 0 to 1000000 seconds)")};
  }
  if (time_limit != "auto") {
    static_cast<void>(time_left(time_limit, real_access()));
  }
}

std::optional<runtime::TimeLimit> job_limit(std::string const& time_limit, double margin_s) {
  auto const time = time_left(time_limit, real_access());
  if (!time) {
    return std::nullopt;
  }
  return runtime::TimeLimit{.end = runtime::TimeLimit::Clock::now() + time->left,
                            .margin = std::chrono::duration<double>{margin_s},
                            .source = time->source};
}

}  // namespace talus::jobs
