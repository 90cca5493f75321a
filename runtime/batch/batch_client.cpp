// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/batch_client.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace talus::runtime {

BatchClient::BatchClient(BatchRules rules,
                         TextModel const& text,
                         BatchWork work,
                         parallel::WorkQueue& queue,
                         AnswerSink& sink,
                         Drain& drain,
                         RequestObserver* observer)
    : RequestClient{std::move(rules), text, observer},
      work_{std::move(work)},
      queue_{&queue},
      sink_{&sink},
      drain_{&drain},
      num_left_{work_.left.size()} {}

bool BatchClient::is_exhausted() {
  return drain_->is_over() || (next_known_ >= num_left_ && lines_.empty() && !has_next());
}

std::vector<SequenceInput> BatchClient::take(std::int32_t room) {
  std::vector<SequenceInput> inputs;
  if (drain_->is_over()) {
    return inputs;
  }
  if (lines_.empty() && !has_next()) {
    fetch(room);
  }
  while (std::ssize(inputs) < room) {
    if (!has_next() && lines_.empty()) {
      break;
    }
    if (!has_next()) {
      auto const [number, line] = std::move(lines_.front());
      lines_.pop_front();
      start(line, number, work_.saved.find(number));
      continue;
    }
    if (SequenceInput input = give(); is_worth_starting(input)) {
      inputs.push_back(std::move(input));
    }
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
  std::int64_t const most = std::max<std::int64_t>(room / mean_samples(), 1);
  std::int64_t const share = std::clamp<std::int64_t>(left / (2 * rules().num_replicas), 1, most);
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

void BatchClient::save_unfinished() {
  std::vector<std::string> payloads;
  for (io::SavedTokens const& saved : take_unsaved()) {
    payloads.push_back(io::format_saved_tokens(saved));
  }
  if (!payloads.empty()) {
    sink_->save(payloads);
  }
}

void BatchClient::on_finished(SequenceOutcome const& outcome) {
  drain_->on_finished(outcome.sequence.num_output_tokens());
  RequestClient::on_finished(outcome);
}

void BatchClient::deliver(std::int64_t number, io::Answer&& answer) {
  sink_->add_answer(number, io::format_answer(answer, rules().labels), answer.completion_tokens);
}

void BatchClient::refuse(std::int64_t number, io::RequestError const& error) {
  sink_->add_error(number, io::format_error(error, rules().labels));
}

}  // namespace talus::runtime
