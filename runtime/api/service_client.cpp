// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/service_client.hpp"

#include <algorithm>
#include <chrono>

#include "parallel/collectives.hpp"

namespace talus::api {
namespace {

/// How long the other ranks of a replica wait for its first one at a time: what only they know,
/// such as a signal to one of them, they can tell between two steps only.
constexpr auto longest_wait = std::chrono::milliseconds{200};

}  // namespace

ServiceClient::ServiceClient(runtime::BatchRules rules,
                             runtime::TextModel const& text,
                             parallel::ProcessGrid const& grid,
                             parallel::Mailbox& mail,
                             std::function<void()> poll,
                             parallel::CallLog* calls)
    : RequestClient{std::move(rules), text, nullptr},
      grid_{&grid},
      mail_{&mail},
      poll_{std::move(poll)},
      calls_{calls} {}

void ServiceClient::receive(int sender, RequestMessage&& message) {
  Asked const asked{sender, message.number};
  newest_of_[sender] = message.number;
  open_.insert(asked);
  tickets_.emplace(next_ticket_, Ticket{.asked = asked, .line = std::move(message.line)});
  pending_.push_back(next_ticket_);
  ++next_ticket_;
}

bool ServiceClient::has_come(Asked const& asked) const {
  auto const newest = newest_of_.find(asked.first);
  return newest != newest_of_.end() && newest->second >= asked.second;
}

void ServiceClient::begin(Orders orders) {
  orders_ = std::move(orders);
  was_asked_ = false;
  idle_ = {};
}

void ServiceClient::start_next() {
  std::int64_t const number = pending_.front();
  pending_.pop_front();
  Ticket& ticket = tickets_.at(number);
  std::vector<io::SavedTokens> saved;
  for (auto const& [sample, tokens] : ticket.saved) {
    saved.push_back(tokens);
  }
  start({.text = ticket.line, .number = ticket.asked.second + 1}, number, std::move(saved));
}

/// For as long as it takes, but in turns with steps of nothing, where others have something to
/// tell.
void ServiceClient::await_work() {
  parallel::PatienceScope const patience{calls_};
  bool const takes_turns = orders_.drain != nullptr && grid_->replica().size() > 1;
  auto const turn = Orders::Clock::now() + longest_wait;
  while (!has_work() && !wants_to_leave() && !is_exhausted()) {
    if (takes_turns && Orders::Clock::now() >= turn) {
      break;
    }
    idle_.pause();
    poll_();
  }
  if (orders_.drain != nullptr) {
    orders_.drain->on_waited();
  }
}

std::vector<runtime::SequenceInput> ServiceClient::take(std::int32_t room) {
  poll_();
  // Replicas that step together can't wait for one of them.
  if (!has_work() && grid_->spans_replicas()) {
    idle_.pause();
  } else if (!has_work()) {
    await_work();
  }
  if (has_work()) {
    idle_ = {};
  }
  std::vector<runtime::SequenceInput> inputs;
  while (std::ssize(inputs) < room && (has_next() || !pending_.empty()) && !is_exhausted()) {
    if (!has_next()) {
      start_next();
    } else if (runtime::SequenceInput input = give(); is_worth_starting(input)) {
      inputs.push_back(std::move(input));
    }
  }
  return inputs;
}

/// What isn't gets its error with all others that are open, when the engine has stopped.
bool ServiceClient::is_worth_starting(runtime::SequenceInput const& input) {
  if (orders_.drain == nullptr) {
    return true;
  }
  auto const num_drawn = std::ssize(input.drawn);
  bool const is_first = input.sample == 0;  // the others of a request go with it
  if (is_first && !orders_.drain->is_worth_starting(std::ssize(input.prompt) + num_drawn,
                                                    input.max_tokens - num_drawn)) {
    held_back_.insert(input.number);
  }
  return !held_back_.contains(input.number);
}

bool ServiceClient::is_exhausted() {
  return orders_.drain != nullptr && orders_.drain->is_over();
}

bool ServiceClient::wants_to_leave() {
  if (orders_.drain != nullptr && orders_.drain->must_leave()) {
    return true;
  }
  bool const is_answered =
      std::none_of(orders_.awaited.begin(), orders_.awaited.end(), [&](Asked const& asked) {
        return !has_come(asked) || open_.contains(asked);
      });
  if (!is_answered) {
    return false;
  }
  if (orders_.is_over && !has_work() && orders_.is_over()) {
    return true;
  }
  bool const is_time_up = orders_.until && Orders::Clock::now() >= *orders_.until;
  bool const awaits_only = !orders_.until && !orders_.is_over;
  return awaits_only || is_time_up || (orders_.rests && !has_work());
}

bool ServiceClient::leaves() {
  bool const is_first = !std::exchange(was_asked_, true);
  // However short the time: a step, or there would never be an end.
  bool const owes_step = is_first && orders_.until && has_work();
  std::int32_t const leaves = !owes_step && wants_to_leave() ? 1 : 0;
  return grid_->spans_replicas()
             ? parallel::all_reduce(grid_->joined_leads(), leaves, parallel::ReduceOp::min) == 1
             : leaves == 1;
}

void ServiceClient::suspend() {
  for (io::SavedTokens& tokens : take_unsaved()) {
    auto& saved = tickets_.at(tokens.request).saved;
    if (auto const [place, is_new] = saved.try_emplace(tokens.sample, tokens); !is_new) {
      place->second.append(tokens);
    }
  }
  drop_all();
  held_back_.clear();
  pending_.clear();
  for (auto& [number, ticket] : tickets_) {
    pending_.push_back(number);
  }
}

void ServiceClient::refuse_all(std::string_view reason) {
  while (!pending_.empty()) {
    std::int64_t const number = pending_.front();
    pending_.pop_front();
    Ticket const& ticket = tickets_.at(number);
    refuse(number, io::stopping_error(ticket.line, ticket.asked.second + 1, reason));
  }
}

void ServiceClient::on_finished(runtime::SequenceOutcome const& outcome) {
  if (orders_.drain != nullptr) {
    orders_.drain->on_finished(outcome.sequence.num_output_tokens());
  }
  RequestClient::on_finished(outcome);
}

void ServiceClient::send(std::int64_t ticket, std::vector<std::byte> message) {
  auto const place = tickets_.find(ticket);
  Asked const asked = place->second.asked;
  tickets_.erase(place);
  held_back_.erase(ticket);
  open_.erase(asked);
  mail_->send(asked.first, std::move(message));
}

void ServiceClient::deliver(std::int64_t number, io::Answer&& answer) {
  send(number,
       encode(tickets_.at(number).asked.second, answer, io::format_answer(answer, rules().labels)));
}

void ServiceClient::refuse(std::int64_t number, io::RequestError const& error) {
  send(number,
       encode(tickets_.at(number).asked.second, error, io::format_error(error, rules().labels)));
}

}  // namespace talus::api
