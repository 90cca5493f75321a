// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_client.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <xxhash.h>

#include "runtime/base/error.hpp"

namespace talus::runtime {
namespace {

io::RequestError refuse(io::Request const& request, std::string message, std::string param) {
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

}  // namespace

std::uint64_t request_key(std::string_view custom_id) {
  return XXH3_64bits(custom_id.data(), custom_id.size());
}

BatchClient::BatchClient(BatchRules rules,
                         TextModel const& text,
                         io::RequestReader reader,
                         parallel::WorkQueue& queue,
                         AnswerSink& sink,
                         RequestObserver* observer)
    : rules_{std::move(rules)},
      text_{&text},
      reader_{std::move(reader)},
      queue_{&queue},
      sink_{&sink},
      observer_{observer},
      num_requests_{reader_.index().num_requests()} {}

bool BatchClient::is_exhausted() {
  return next_known_ >= num_requests_;
}

std::vector<SequenceInput> BatchClient::take(std::int32_t room) {
  std::vector<SequenceInput> inputs;
  std::int64_t const left = num_requests_ - next_known_;
  if (left <= 0) {
    return inputs;
  }
  std::int64_t const share = std::clamp<std::int64_t>(left / (2 * rules_.num_replicas), 1, room);
  std::int64_t const first = queue_->take(share);
  next_known_ = first + share;
  if (first >= num_requests_) {
    return inputs;
  }
  std::vector<io::InputLine> const lines =
      reader_.read(first, std::min(share, num_requests_ - first));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (auto input = start(lines[i], first + static_cast<std::int64_t>(i))) {
      inputs.push_back(std::move(*input));
    }
  }
  return inputs;
}

std::optional<SequenceInput> BatchClient::start(io::InputLine const& line, std::int64_t number) {
  auto const fail = [&](io::RequestError const& error) {
    sink_->add_error(io::format_error(error, rules_.labels));
    return std::nullopt;
  };
  if (line.is_duplicate) {
    return fail(io::duplicate_error(line.text, line.number));
  }
  auto parsed = io::parse_request(line.text, line.number, rules_.defaults);
  if (auto const* const error = std::get_if<io::RequestError>(&parsed)) {
    return fail(*error);
  }
  io::Request& request = std::get<io::Request>(parsed);
  bool const is_chat = request.endpoint == io::Endpoint::chat;
  try {
    SequenceInput input = make_input(request, number);
    active_.emplace(number, Completion{std::move(request), text_->tokenizer()});
    return input;
  } catch (Error const& error) {
    return fail(refuse(request, without_place(error.what()), is_chat ? "messages" : "prompt"));
  }
}

SequenceInput BatchClient::make_input(io::Request const& request, std::int64_t number) const {
  io::SamplingParams const& params = request.params;
  SequenceInput input;
  input.number = number;
  input.key = params.seed ? 0 : request_key(request.custom_id);
  input.seed = params.seed.value_or(rules_.seed);
  input.prompt = text_->encode(request, rules_.vocab);
  auto const length = static_cast<std::int64_t>(input.prompt.size());
  if (length == 0) {
    throw ConfigError{"prompt: no tokens (at least one is needed)"};
  }
  std::int64_t const room = rules_.max_model_len - length;
  if (room < 1) {
    throw ConfigError{concat("prompt: ",
                             length,
                             " tokens (at most ",
                             rules_.max_model_len - 1,
                             ", so that one can follow; see --max-model-len)")};
  }
  if (params.max_tokens && *params.max_tokens > room) {
    throw ConfigError{concat("max_tokens: ",
                             *params.max_tokens,
                             " after ",
                             length,
                             " tokens of prompt (at most ",
                             room,
                             "; see --max-model-len)")};
  }
  input.max_tokens = params.max_tokens.value_or(static_cast<std::int32_t>(room));
  input.rule = {.temperature = params.temperature,
                .top_k = std::max(params.top_k, 0),
                .top_p = params.top_p,
                .min_p = params.min_p,
                .uniform = 0.0F};
  input.ignore_eos = params.ignore_eos;
  input.stop_tokens = params.stop_token_ids;
  input.logprobs = params.logprobs.value_or(-1);
  input.prompt_logprobs = params.prompt_logprobs.value_or(-1);
  return input;
}

Completion& BatchClient::at(SequenceState const& sequence) {
  return active_.at(sequence.input.number);
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
  at(sequence).add_prompt_token(event);
}

bool BatchClient::on_token(SequenceState const& sequence, TokenEvent event) {
  return at(sequence).add_token(sequence, event);
}

void BatchClient::on_finished(SequenceOutcome const& outcome) {
  auto const place = active_.find(outcome.sequence.input.number);
  if (observer_ != nullptr) {
    observer_->on_finished(place->second, outcome);
  }
  io::Answer answer = place->second.finish(outcome, rules_.reasoning);
  answer.timings.replica = rules_.replica;
  sink_->add_answer(io::format_answer(answer, rules_.labels), answer.completion_tokens);
  active_.erase(place);
}

}  // namespace talus::runtime
