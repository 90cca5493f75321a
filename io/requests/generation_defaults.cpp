// SPDX-License-Identifier: Apache-2.0
#include "io/requests/generation_defaults.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/json/json.hpp"
#include "io/requests/detail/field.hpp"
#include "io/requests/sampling_params.hpp"
#include "runtime/base/error.hpp"

namespace talus::io {
namespace {

constexpr std::string_view file_name = "generation_config.json";

// An entry that is not applied, and the values of it that change nothing, as a JSON array.
struct Ignored {
  std::string_view name;
  std::string_view neutral;
};

constexpr std::array ignored{
    Ignored{"encoder_repetition_penalty", "[1]"},
    Ignored{"length_penalty", "[1]"},
    Ignored{"diversity_penalty", "[0]"},
    Ignored{"penalty_alpha", "[0]"},
    Ignored{"guidance_scale", "[1]"},
    Ignored{"typical_p", "[1]"},
    Ignored{"epsilon_cutoff", "[0]"},
    Ignored{"eta_cutoff", "[0]"},
    Ignored{"top_h", "[]"},
    Ignored{"no_repeat_ngram_size", "[0]"},
    Ignored{"num_beams", "[1]"},
    Ignored{"num_return_sequences", "[1]"},
    Ignored{"min_length", "[0]"},
    Ignored{"min_new_tokens", "[0]"},
    Ignored{"max_length", "[20]"},  // transformers' default, which some files spell out
    Ignored{"bad_words_ids", "[[]]"},
    Ignored{"sequence_bias", "[{}]"},
    Ignored{"suppress_tokens", "[[]]"},
    Ignored{"begin_suppress_tokens", "[[]]"},
    Ignored{"forced_bos_token_id", "[]"},
    Ignored{"forced_eos_token_id", "[]"},
    Ignored{"exponential_decay_length_penalty", "[]"},
    Ignored{"stop_strings", "[[]]"},
    Ignored{"watermarking_config", "[]"},
};

// The entries of the file, read one by one into what holds for requests.
class Reader {
 public:
  explicit Reader(Json const& config) : config_{config} {}

  template <class Value, class Convert>
  void apply(std::string const& name, Value& into, Convert convert) {
    auto const found = config_.find(name);
    if (found == config_.end() || found->is_null()) {
      return;
    }
    into = convert(detail::Field{*found, name});
    read_.used.push_back(concat(name, " = ", detail::show(*found)));
  }

  void apply_do_sample() {
    auto const found = config_.find("do_sample");
    if (found == config_.end() || found->is_null()) {
      return;
    }
    if (!detail::as_bool({*found, "do_sample"})) {
      read_.defaults.temperature = 0.0F;
      read_.used.emplace_back("do_sample = false, so temperature = 0");
    }
  }

  void warn_of_ignored() {
    for (auto const& entry : ignored) {
      auto const found = config_.find(std::string{entry.name});
      if (found == config_.end() || found->is_null()) {
        continue;
      }
      auto const neutral = Json::parse(entry.neutral);
      if (std::find(neutral.begin(), neutral.end(), *found) == neutral.end()) {
        read_.warnings.push_back(
            concat(file_name, ": ", entry.name, " = ", detail::show(*found), " (not applied)"));
      }
    }
  }

  [[nodiscard]] GenerationDefaults& read() { return read_; }

 private:
  Json const& config_;
  GenerationDefaults read_;
};

std::vector<std::int32_t> one_or_more_ids(detail::Field const& field) {
  return field.value.is_array() ? detail::as_token_ids(field) : std::vector{detail::as_int(field)};
}

GenerationDefaults read_config(Json const& config) {
  Reader reader{config};
  auto& defaults = reader.read().defaults;
  reader.apply("temperature", defaults.temperature, detail::as_float);
  reader.apply("top_p", defaults.top_p, detail::as_float);
  reader.apply("min_p", defaults.min_p, detail::as_float);
  reader.apply("top_k", defaults.top_k, detail::as_int);
  reader.apply("repetition_penalty", defaults.repetition_penalty, detail::as_float);
  reader.apply("max_new_tokens", defaults.max_tokens, detail::as_int);
  reader.apply_do_sample();
  if (auto const found = config.find("eos_token_id"); found != config.end() && !found->is_null()) {
    reader.read().eos_token_ids = one_or_more_ids({*found, "eos_token_id"});
  }
  reader.warn_of_ignored();
  return reader.read();
}

void check_limits(GenerationDefaults const& read, std::filesystem::path const& file) {
  auto const& defaults = read.defaults;
  SamplingParams params;
  params.temperature = defaults.temperature;
  params.top_p = defaults.top_p;
  params.min_p = defaults.min_p;
  params.top_k = defaults.top_k;
  params.repetition_penalty = defaults.repetition_penalty;
  params.max_tokens = defaults.max_tokens;
  if (auto const problem = find_problem(params)) {
    throw ConfigError{concat(file.string(), ": ", problem->message)};
  }
}

}  // namespace

GenerationDefaults parse_generation_defaults(std::optional<std::string> const& text,
                                             std::filesystem::path const& file) {
  if (!text) {
    return {};
  }
  auto const config = parse_json(*text, file.string());
  if (!config.is_object()) {
    throw ConfigError{concat(file.string(), ": not a JSON object")};
  }
  try {
    auto read = read_config(config);
    check_limits(read, file);
    return read;
  } catch (detail::Refusal const& refusal) {
    throw ConfigError{concat(file.string(), ": ", refusal.message)};
  }
}

std::string describe(GenerationDefaults const& defaults) {
  std::string text = "sampling defaults: ";
  if (defaults.used.empty()) {
    return text + "temperature 1, no filters";
  }
  for (std::size_t entry = 0; entry < defaults.used.size(); ++entry) {
    text += (entry == 0 ? "" : ", ") + defaults.used[entry];
  }
  return concat(text, " (", file_name, ')');
}

}  // namespace talus::io
