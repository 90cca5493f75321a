// SPDX-License-Identifier: Apache-2.0
#include "io/requests/audit.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "io/json/json.hpp"
#include "io/requests/detail/json_scanner.hpp"
#include "io/requests/detail/line_reader.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::size_t most_lines_of_a_request = 255;

std::uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

/// The requests of an input, and how many lines of the output each has.
class Requests {
 public:
  explicit Requests(std::filesystem::path const& input) : input_{input} {
    detail::LineReader lines{input};
    for (detail::FoundLine line; lines.next(line);) {
      if (auto const id = detail::find_custom_id(line.text)) {
        by_id_.emplace_back(hash_of(*id), numbers_.size());
      }
      numbers_.push_back(line.number);
    }
    std::sort(by_id_.begin(), by_id_.end());
    num_lines_.resize(numbers_.size());
  }

  [[nodiscard]] std::size_t size() const noexcept { return numbers_.size(); }

  /// The first request with this id.
  [[nodiscard]] std::optional<std::size_t> with_id(std::string_view id) const {
    std::uint64_t const hash = hash_of(id);
    auto const found =
        std::lower_bound(by_id_.begin(), by_id_.end(), std::pair{hash, std::size_t{0}});
    return found != by_id_.end() && found->first == hash ? std::optional{found->second}
                                                         : std::nullopt;
  }

  /// The request on this line of the input.
  [[nodiscard]] std::optional<std::size_t> on_line(std::uint64_t number) const {
    auto const found = std::lower_bound(numbers_.begin(), numbers_.end(), number);
    return found != numbers_.end() && *found == number
               ? std::optional{static_cast<std::size_t>(found - numbers_.begin())}
               : std::nullopt;
  }

  void count(std::size_t request) {
    if (num_lines_[request] < most_lines_of_a_request) {
      ++num_lines_[request];
    }
  }

  /// Names the requests that have no line, and those that have several.
  void tell(Audit& audit) const {
    detail::LineReader lines{input_};
    detail::FoundLine line;
    for (std::size_t request = 0; request < size() && lines.next(line); ++request) {
      if (num_lines_[request] != 1) {
        AuditFinding& finding = num_lines_[request] == 0 ? audit.missing : audit.repeated;
        finding.add(detail::find_custom_id(line.text).value_or(concat("line ", line.number)));
      }
    }
  }

 private:
  std::filesystem::path input_;
  std::vector<std::uint64_t> numbers_;  ///< of their lines, ascending
  std::vector<std::pair<std::uint64_t, std::size_t>> by_id_;
  std::vector<std::uint8_t> num_lines_;
};

/// Whether a line has the outer shape of a batch's output.
bool is_answer(Json const& line) {
  return line.is_object() && line.contains("custom_id") && line.contains("response") &&
         line.contains("error") && (line["error"].is_null() || line["error"].is_object());
}

void add_answer(Json const& line, std::string const& place, Requests& requests, Audit& audit) {
  bool const is_error = !line["error"].is_null();
  ++(is_error ? audit.errors : audit.answers);
  std::optional<std::size_t> request;
  if (is_error && line["error"].contains("line") && line["error"]["line"].is_number_unsigned()) {
    request = requests.on_line(line["error"]["line"].get<std::uint64_t>());
  } else if (line["custom_id"].is_string()) {
    request = requests.with_id(line["custom_id"].get<std::string>());
  }
  if (request) {
    requests.count(*request);
  } else {
    audit.unknown.add(line["custom_id"].is_string() ? line["custom_id"].get<std::string>() : place);
  }
}

}  // namespace

void AuditFinding::add(std::string name) {
  ++count;
  if (first.size() < most_named) {
    first.push_back(std::move(name));
  }
}

Audit audit_output(std::filesystem::path const& input, std::filesystem::path const& output) {
  Requests requests{input};
  std::ifstream in{output, std::ios::binary};
  if (!in || std::filesystem::is_directory(output)) {
    throw ConfigError{concat(output.string(), ": can't be read")};
  }
  Audit audit{.requests = static_cast<std::int64_t>(requests.size())};
  std::string text;
  for (std::int64_t number = 1; std::getline(in, text); ++number) {
    std::string place = concat("line ", number);
    Json line;
    try {
      line = parse_json(text, place);
    } catch (ConfigError const&) {
      line = Json{};
    }
    if (in.eof() || !is_answer(line)) {
      audit.broken.add(std::move(place));
    } else {
      add_answer(line, place, requests, audit);
    }
  }
  requests.tell(audit);
  return audit;
}

}  // namespace talus::io
