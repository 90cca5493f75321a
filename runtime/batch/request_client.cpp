// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/request_client.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/base/error.hpp"
#include "runtime/base/error_text.hpp"
#include "runtime/batch/sequence_inputs.hpp"

namespace talus::runtime {
namespace {

/// The parameter that a message is about: it begins with its name.
std::string param_of(std::string_view message) {
  std::string_view const name = message.substr(0, message.find(':'));
  bool const is_name = std::all_of(
      name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return is_name ? concat("body.", name) : std::string{};
}

io::RequestError error_of(io::Request const& request, std::string message) {
  std::string param = param_of(message);
  if (param.empty() || param == "body.prompt") {
    param = request.endpoint == io::Endpoint::chat ? "body.messages" : "body.prompt";
  }
  return {.custom_id = request.custom_id,
          .line = request.line,
          .status_code = 400,
          .code = "invalid_value",
          .message = std::move(message),
          .param = std::move(param)};
}

/// Whether tokens of a ledger can be those of a sequence.
bool belong_to(io::SavedTokens const& saved, SequenceInput const& input, std::int64_t vocab) {
  auto const is_known = [&](std::int32_t token) { return token >= 0 && token < vocab; };
  return std::ssize(saved.tokens) < input.max_tokens &&
         saved.logprobs.empty() == (input.logprobs < 0) &&
         saved.num_top == std::max(input.logprobs, 0) &&
         std::all_of(saved.tokens.begin(), saved.tokens.end(), is_known) &&
         std::all_of(saved.top_tokens.begin(), saved.top_tokens.end(), is_known);
}

}  // namespace

RequestClient::RequestClient(BatchRules rules, TextModel const& text, RequestObserver* observer)
    : rules_{std::move(rules)}, text_{&text}, observer_{observer} {}

void RequestClient::start(io::InputLine const& line,
                          std::int64_t number,
                          std::vector<io::SavedTokens> saved) {
  if (line.is_duplicate) {
    return refuse(number, io::duplicate_error(line.text, line.number));
  }
  auto parsed = io::parse_request(line.text, line.number, rules_.defaults);
  if (auto const* const error = std::get_if<io::RequestError>(&parsed)) {
    return refuse(number, *error);
  }
  io::Request& request = std::get<io::Request>(parsed);
  try {
    std::vector<SequenceInput> inputs = make_sequence_inputs(request, number, rules_, *text_);
    num_samples_ += std::ssize(inputs);
    ++num_started_;
    active_.try_emplace(
        number, std::move(request), inputs.front().prompt, *text_, rules_.reasoning);
    go_on(number, std::move(saved), inputs);
    std::move(inputs.begin(), inputs.end(), std::back_inserter(held_));
  } catch (Error const& error) {
    refuse(number, error_of(request, without_place(error.what())));
  }
}

SequenceInput RequestClient::give() {
  SequenceInput input = std::move(held_.front());
  held_.pop_front();
  return input;
}

std::int64_t RequestClient::mean_samples() const noexcept {
  return num_started_ == 0 ? 1 : (num_samples_ + num_started_ - 1) / num_started_;
}

void RequestClient::drop_all() {
  held_.clear();
  active_.clear();
}

std::vector<io::SavedTokens> RequestClient::take_unsaved() {
  std::vector<io::SavedTokens> all;
  for (auto& [number, group] : active_) {
    for (std::uint32_t sample = 0; sample < group.num_samples(); ++sample) {
      io::SavedTokens saved = group.sample(sample).take_unsaved();
      if (!saved.tokens.empty()) {
        saved.request = number;
        saved.sample = sample;
        all.push_back(std::move(saved));
      }
    }
  }
  return all;
}

/// Gives the samples of a request the tokens that an earlier run drew.
void RequestClient::go_on(std::int64_t number,
                          std::vector<io::SavedTokens>&& saved,
                          std::vector<SequenceInput>& inputs) {
  for (io::SavedTokens& tokens : saved) {
    auto const sample = std::size_t{tokens.sample};
    if (sample >= inputs.size() || !belong_to(tokens, inputs[sample], rules_.vocab)) {
      continue;
    }
    active_.at(number).sample(tokens.sample).restore(tokens);
    inputs[sample].drawn = std::move(tokens.tokens);
  }
}

Completion& RequestClient::at(SequenceState const& sequence) {
  return active_.at(sequence.input.number).sample(sequence.input.sample);
}

void RequestClient::on_admitted(SequenceState const& sequence) {
  RequestTimes& times = at(sequence).times;
  auto const now = RequestTimes::Clock::now();
  if (!times.scheduled) {
    times.scheduled = now;
  }
  if (times.preempted) {
    times.preemption_time += now - *times.preempted;
    times.preempted.reset();
  }
}

void RequestClient::on_preempted(SequenceState const& sequence, Preemption const& preemption) {
  RequestTimes& times = at(sequence).times;
  times.preempted = RequestTimes::Clock::now();
  times.tokens_lost += preemption.tokens_lost;
  if (observer_ != nullptr) {
    observer_->on_preempted(sequence, preemption);
  }
}

void RequestClient::on_prompt_token(SequenceState const& sequence, TokenEvent event) {
  active_.at(sequence.input.number).add_prompt_token(event);
}

bool RequestClient::on_token(SequenceState const& sequence, TokenEvent event) {
  Completion& completion = at(sequence);
  bool const stops = completion.add_token(sequence, event);
  if (rules_.saves_tokens && !stops && sequence.end == SequenceEnd::running) {
    completion.note_unsaved(sequence, event);
  }
  return stops;
}

bool RequestClient::may_stop(SequenceState const& sequence) {
  return at(sequence).may_stop();
}

void RequestClient::on_finished(SequenceOutcome const& outcome) {
  auto const place = active_.find(outcome.sequence.input.number);
  RequestGroup& group = place->second;
  if (observer_ != nullptr) {
    observer_->on_finished(group.sample(outcome.sequence.input.sample), outcome);
  }
  if (!group.finish(outcome)) {
    return;
  }
  io::Answer answer = group.answer();
  answer.timings.replica = rules_.replica;
  std::int64_t const number = place->first;
  active_.erase(place);
  deliver(number, std::move(answer));
}

}  // namespace talus::runtime
