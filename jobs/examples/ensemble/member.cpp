// SPDX-License-Identifier: Apache-2.0
#include "member.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

/// The last number behind the model's reasoning; none if there is none.
std::optional<int> number_in(std::string_view text) {
  constexpr std::string_view digits = "0123456789";
  std::size_t const end = text.rfind("</think>");
  std::size_t const last = text.find_last_of(digits);
  if (end == std::string_view::npos || last == std::string_view::npos || last < end) {
    return std::nullopt;
  }
  std::size_t const first = text.find_last_not_of(digits, last) + 1;
  return std::stoi(std::string{text.substr(first, last - first + 1)});
}

std::string body_of(int a, int b, int c) {
  return R"({"messages": [{"role": "user", "content": "Calculate )" + std::to_string(a) + " + " +
         std::to_string(b) + " - " + std::to_string(c) +
         R"(."}], "temperature": 0, "max_completion_tokens": 160})";
}

}  // namespace

Member::Member(talus::Engine& engine, int number, std::int64_t num_problems)
    : engine_{&engine},
      random_{static_cast<std::mt19937::result_type>(number)},
      num_left_{num_problems} {
  draw();
}

void Member::draw() {
  auto const number = [&] { return 100 + static_cast<int>(random_() % 900U); };
  a_ = number();
  b_ = number();
  c_ = std::min(number(), a_ + b_);
}

void Member::submit() {
  for (; num_left_ > 0; --num_left_, draw()) {
    auto const request = engine_->submit(talus::JsonRequest{body_of(a_, b_, c_)});
    if (!request) {
      ++num_refusals_;  // its turn comes again, when answers have been released
      return;
    }
    expected_.emplace(*request, a_ + b_ - c_);
    most_in_flight_ = std::max(most_in_flight_, engine_->num_in_flight());
  }
}

void Member::take_answers() {
  while (auto const request = engine_->poll_any()) {
    take(*request);
  }
}

void Member::wait_for_answer() {
  if (auto const request = engine_->wait_any()) {
    take(*request);
  }
}

void Member::take(talus::RequestId request) {
  talus::Answer const& answer = *engine_->poll(request);
  if (answer.status == 200) {
    bool const is_right = number_in(answer.choices.at(0).text) == expected_.at(request);
    num_right_ += is_right ? 1 : 0;
  } else {
    std::cerr << "no answer: " << answer.error << '\n';
  }
  expected_.erase(request);
  engine_->release(request);
}
