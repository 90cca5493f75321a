// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/own_requests.hpp"

#include <string>
#include <utility>

#include "runtime/base/error.hpp"

namespace talus::api {

OwnRequests::OwnRequests(int rank, int num_replicas, std::int64_t max_in_flight)
    : first_replica_{rank % num_replicas},
      max_in_flight_{max_in_flight},
      open_(static_cast<std::size_t>(num_replicas)),
      sent_(static_cast<std::size_t>(num_replicas)) {}

std::optional<Sent> OwnRequests::admit() {
  if (num_in_flight() >= max_in_flight_) {
    return std::nullopt;
  }
  auto const count = static_cast<int>(open_.size());
  int replica = first_replica_;
  for (int step = 1; step < count; ++step) {
    int const other = (first_replica_ + step) % count;
    if (open_[static_cast<std::size_t>(other)] < open_[static_cast<std::size_t>(replica)]) {
      replica = other;
    }
  }
  ++open_[static_cast<std::size_t>(replica)];
  ++sent_[static_cast<std::size_t>(replica)];
  ++num_open_;
  requests_.emplace(next_, Request{.replica = replica});
  return Sent{replica, next_++};
}

void OwnRequests::receive(std::vector<std::byte>&& message) {
  AnswerView view = view_answer(message);
  Request& request = requests_.at(view.number);
  request.message = std::move(message);  // moved as a whole: the views stay good
  request.answer = std::move(view.answer);
  --open_[static_cast<std::size_t>(request.replica)];
  --num_open_;
  untold_.push_back(view.number);
}

OwnRequests::Request const& OwnRequests::at(RequestId request) const {
  auto const place = requests_.find(request);
  if (place == requests_.end()) {
    throw EngineError{ErrorCode::invalid,
                      concat("request ", request, " (not one of this rank's, or released)")};
  }
  return place->second;
}

Answer const* OwnRequests::find(RequestId request) const {
  Request const& found = at(request);
  return found.answer ? &*found.answer : nullptr;
}

std::optional<Sent> OwnRequests::whereabouts(RequestId request) const {
  Request const& found = at(request);
  return found.answer ? std::nullopt : std::optional{Sent{found.replica, request}};
}

bool OwnRequests::has_next() {
  while (!untold_.empty() && !requests_.contains(untold_.front())) {
    untold_.pop_front();  // released before it was told
  }
  return !untold_.empty();
}

std::optional<RequestId> OwnRequests::take_next() {
  if (!has_next()) {
    return std::nullopt;
  }
  RequestId const request = untold_.front();
  untold_.pop_front();
  return request;
}

void OwnRequests::release(RequestId request) {
  if (find(request) == nullptr) {
    throw EngineError{
        ErrorCode::state,
        concat("request ", request, " (can't be released before its answer is there)")};
  }
  requests_.erase(request);
}

void OwnRequests::clear() {
  requests_.clear();
  untold_.clear();
}

}  // namespace talus::api
