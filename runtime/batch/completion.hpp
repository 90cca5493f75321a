// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/requests/answer.hpp"
#include "io/requests/reasoning.hpp"
#include "io/requests/request.hpp"
#include "io/tokenizer/stream_decoder.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// When what happened to a request, on the clock of the replica's first rank.
struct RequestTimes {
  using Clock = std::chrono::steady_clock;

  Clock::time_point arrival = Clock::now();
  std::optional<Clock::time_point> scheduled;
  std::optional<Clock::time_point> first_token;
  std::optional<Clock::time_point> preempted;  ///< since when it has no place in the cache
  std::chrono::duration<double> preemption_time{};
  std::int64_t tokens_lost = 0;
};

/// A request on its way to its answer: text so far, log-probabilities, stop strings.
class Completion {
 public:
  /// `tokenizer` outlives this.
  Completion(io::Request request, io::Tokenizer const& tokenizer);

  /// Adds the new token.
  /// \return true if the text has reached a stop string
  [[nodiscard]] bool add_token(SequenceState const& sequence, TokenEvent event);

  /// Adds a prompt token's log-probability.
  void add_prompt_token(TokenEvent event);

  /// The answer; the completion is used up.
  [[nodiscard]] io::Answer finish(SequenceOutcome const& outcome, io::ReasoningParser reasoning);

  [[nodiscard]] io::Request const& request() const noexcept { return request_; }

  RequestTimes times;

 private:
  [[nodiscard]] io::TokenLogprob logprob_of(TokenEvent event, std::int32_t num_top) const;
  [[nodiscard]] io::RankedToken ranked(RankedToken token, std::int32_t rank) const;
  [[nodiscard]] bool find_stop(std::size_t old_size);

  io::Request request_;
  io::Tokenizer const* tokenizer_;
  io::StreamDecoder decoder_;
  std::string text_;
  std::optional<std::string> stop_;  ///< the stop string reached
  std::vector<io::TokenLogprob> logprobs_;
  std::vector<io::TokenLogprob> prompt_logprobs_;
};

}  // namespace talus::runtime
