// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/ledger/saved_tokens.hpp"
#include "io/requests/answer.hpp"
#include "io/requests/request.hpp"
#include "io/tokenizer/stream_decoder.hpp"
#include "runtime/engine/engine.hpp"

namespace talus::runtime {

/// When what happened to a sequence, on the clock of the replica's first rank.
struct RequestTimes {
  using Clock = std::chrono::steady_clock;

  Clock::time_point arrival = Clock::now();
  std::optional<Clock::time_point> scheduled;
  std::optional<Clock::time_point> first_token;
  std::optional<Clock::time_point> preempted;  ///< since when it has no place in the cache
  std::chrono::duration<double> preemption_time{};
  std::int64_t tokens_lost = 0;
};

/// One sample of a request on its way to its choice: text so far, log-probabilities, stop strings.
class Completion {
 public:
  /// `request` and `tokenizer` outlive this.
  ///
  /// \param skip  which tokens the text leaves out
  Completion(io::Request const& request,
             io::Tokenizer const& tokenizer,
             io::SkipSpecialTokens skip);

  /// Adds the new token.
  /// \return true if the text has reached a stop string
  [[nodiscard]] bool add_token(SequenceState const& sequence, TokenEvent event);

  /// Whether a token could have the text reach a stop string.
  [[nodiscard]] bool may_stop() const noexcept { return !request_->params.stop.empty(); }

  /// Takes in tokens that an earlier run drew, before any other. (They have reached no stop string:
  /// an answer's last token is never saved.)
  void restore(io::SavedTokens const& saved);

  /// Notes the new token, which has not ended the sequence, for take_unsaved().
  void note_unsaved(SequenceState const& sequence, TokenEvent event);

  /// The tokens noted since the last call, to be saved; which request and sample they belong to is
  /// the caller's to say.
  [[nodiscard]] io::SavedTokens take_unsaved();

  /// A token's log-probability and those of the `num_top` most probable ones.
  [[nodiscard]] io::TokenLogprob logprob_of(TokenEvent event, std::int32_t num_top) const;

  /// What the sample came to, its reasoning still in its text; the completion is used up.
  [[nodiscard]] io::Choice finish(SequenceOutcome const& outcome);

  /// The mean log-probability of its tokens, if the engine told them.
  [[nodiscard]] double mean_logprob() const noexcept;

  [[nodiscard]] io::Request const& request() const noexcept { return *request_; }

  RequestTimes times;

 private:
  [[nodiscard]] io::RankedToken ranked(RankedToken token, std::int32_t rank) const;
  [[nodiscard]] bool find_stop(std::size_t old_size);

  io::Request const* request_;
  io::Tokenizer const* tokenizer_;
  io::StreamDecoder decoder_;
  std::string text_;
  std::optional<std::string> stop_;  ///< the stop string reached
  std::vector<io::TokenLogprob> logprobs_;
  double sum_logprob_ = 0.0;
  std::int64_t num_tokens_ = 0;
  io::SavedTokens unsaved_;
};

}  // namespace talus::runtime
