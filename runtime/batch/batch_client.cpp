// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_client.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/base/error.hpp"
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

io::RequestError refuse(io::Request const& request, std::string message) {
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

/// The message of an error of ours without the place in our code.
std::string without_place(std::string const& what) {
  std::size_t const place = what.rfind(" [");
  return place == std::string::npos ? what : what.substr(0, place);
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

BatchClient::BatchClient(BatchRules rules,
                         TextModel const& text,
                         BatchWork work,
                         parallel::WorkQueue& queue,
                         AnswerSink& sink,
                         Drain& drain,
                         RequestObserver* observer)
    : rules_{std::move(rules)},
      text_{&text},
      work_{std::move(work)},
      queue_{&queue},
      sink_{&sink},
      drain_{&drain},
      observer_{observer},
      num_left_{work_.left.size()} {}

bool BatchClient::is_exhausted() {
  return drain_->is_over() || (next_known_ >= num_left_ && lines_.empty() && held_.empty());
}

std::vector<SequenceInput> BatchClient::take(std::int32_t room) {
  std::vector<SequenceInput> inputs;
  if (drain_->is_over()) {
    return inputs;
  }
  if (lines_.empty() && held_.empty()) {
    fetch(room);
  }
  while (std::ssize(inputs) < room) {
    if (held_.empty() && lines_.empty()) {
      break;
    }
    if (held_.empty()) {
      auto const [number, line] = std::move(lines_.front());
      lines_.pop_front();
      start(line, number);
      continue;
    }
    if (is_worth_starting(held_.front())) {
      inputs.push_back(std::move(held_.front()));
    }
    held_.pop_front();
  }
  return inputs;
}

bool BatchClient::is_worth_starting(SequenceInput const& input) {
  auto const num_drawn = std::ssize(input.drawn);
  return drain_->is_worth_starting(std::ssize(input.prompt) + num_drawn,
                                   input.max_tokens - num_drawn);
}

/// Takes requests from the queue, fewer where they have had many samples so far.
void BatchClient::fetch(std::int32_t room) {
  std::int64_t const left = num_left_ - next_known_;
  if (left <= 0) {
    return;
  }
  std::int64_t const samples =
      num_started_ == 0 ? 1 : (num_samples_ + num_started_ - 1) / num_started_;
  std::int64_t const most = std::max<std::int64_t>(room / std::max<std::int64_t>(samples, 1), 1);
  std::int64_t const share = std::clamp<std::int64_t>(left / (2 * rules_.num_replicas), 1, most);
  std::int64_t const first = queue_->take(share);
  next_known_ = first + share;
  for (io::RequestRun const& run : work_.left.at(first, share)) {
    std::int64_t number = run.first;
    for (io::InputLine& line : work_.reader.read(run.first, run.count)) {
      lines_.emplace_back(number, std::move(line));
      ++number;
    }
  }
}

void BatchClient::start(io::InputLine const& line, std::int64_t number) {
  auto const fail = [&](io::RequestError const& error) {
    sink_->add_error(number, io::format_error(error, rules_.labels));
  };
  if (line.is_duplicate) {
    return fail(io::duplicate_error(line.text, line.number));
  }
  auto parsed = io::parse_request(line.text, line.number, rules_.defaults);
  if (auto const* const error = std::get_if<io::RequestError>(&parsed)) {
    return fail(*error);
  }
  io::Request& request = std::get<io::Request>(parsed);
  std::vector<io::SavedTokens> saved = work_.saved.find(number);
  try {
    std::vector<SequenceInput> inputs = make_sequence_inputs(request, number, rules_, *text_);
    num_samples_ += std::ssize(inputs);
    ++num_started_;
    active_.try_emplace(
        number, std::move(request), inputs.front().prompt, *text_, rules_.reasoning);
    go_on(number, std::move(saved), inputs);
    std::move(inputs.begin(), inputs.end(), std::back_inserter(held_));
  } catch (Error const& error) {
    fail(refuse(request, without_place(error.what())));
  }
}

/// Gives the samples of a request the tokens that an earlier run drew.
void BatchClient::go_on(std::int64_t number,
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

void BatchClient::save_unfinished() {
  std::vector<std::string> payloads;
  for (auto& [number, group] : active_) {
    for (std::uint32_t sample = 0; sample < group.num_samples(); ++sample) {
      io::SavedTokens saved = group.sample(sample).take_unsaved();
      if (!saved.tokens.empty()) {
        saved.request = number;
        saved.sample = sample;
        payloads.push_back(io::format_saved_tokens(saved));
      }
    }
  }
  if (!payloads.empty()) {
    sink_->save(payloads);
  }
}

Completion& BatchClient::at(SequenceState const& sequence) {
  return active_.at(sequence.input.number).sample(sequence.input.sample);
}

void BatchClient::on_admitted(SequenceState const& sequence) {
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

void BatchClient::on_preempted(SequenceState const& sequence, Preemption const& preemption) {
  RequestTimes& times = at(sequence).times;
  times.preempted = RequestTimes::Clock::now();
  times.tokens_lost += preemption.tokens_lost;
  if (observer_ != nullptr) {
    observer_->on_preempted(sequence, preemption);
  }
}

void BatchClient::on_prompt_token(SequenceState const& sequence, TokenEvent event) {
  active_.at(sequence.input.number).add_prompt_token(event);
}

bool BatchClient::on_token(SequenceState const& sequence, TokenEvent event) {
  Completion& completion = at(sequence);
  bool const stops = completion.add_token(sequence, event);
  if (rules_.saves_tokens && !stops && sequence.end == SequenceEnd::running) {
    completion.note_unsaved(sequence, event);
  }
  return stops;
}

void BatchClient::on_finished(SequenceOutcome const& outcome) {
  auto const place = active_.find(outcome.sequence.input.number);
  RequestGroup& group = place->second;
  if (observer_ != nullptr) {
    observer_->on_finished(group.sample(outcome.sequence.input.sample), outcome);
  }
  drain_->on_finished(outcome.sequence.num_output_tokens());
  if (!group.finish(outcome)) {
    return;
  }
  io::Answer answer = group.answer();
  answer.timings.replica = rules_.replica;
  sink_->add_answer(
      place->first, io::format_answer(answer, rules_.labels), answer.completion_tokens);
  active_.erase(place);
}

}  // namespace talus::runtime
