// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "io/requests/answer.hpp"
#include "io/requests/reasoning.hpp"
#include "runtime/batch/completion.hpp"
#include "runtime/batch/prompts.hpp"

namespace talus::runtime {

/// A request on its way to its answer: all of its samples, and what is asked of its prompt.
class RequestGroup {
 public:
  /// `text` outlives this.
  ///
  /// \param prompt  its tokens
  RequestGroup(io::Request request,
               std::vector<std::int32_t> prompt,
               TextModel const& text,
               io::ReasoningParser reasoning);
  RequestGroup(RequestGroup const&) = delete;
  RequestGroup& operator=(RequestGroup const&) = delete;

  [[nodiscard]] Completion& sample(std::uint32_t number) { return samples_[number]; }

  [[nodiscard]] std::uint32_t num_samples() const noexcept {
    return static_cast<std::uint32_t>(samples_.size());
  }

  /// Adds a prompt token's log-probability.
  void add_prompt_token(TokenEvent event);

  /// Takes in the end of a sample.
  /// \return true if it was the last one
  [[nodiscard]] bool finish(SequenceOutcome const& outcome);

  /// The answer, of all samples or the best of them; the group is used up.
  /// \pre every sample has finished
  [[nodiscard]] io::Answer answer();

 private:
  struct Finished {
    io::Choice choice;
    double mean_logprob = 0.0;
    std::int64_t num_tokens = 0;
    std::int64_t num_reasoning = 0;
  };

  [[nodiscard]] bool splits_reasoning() const noexcept;
  [[nodiscard]] std::int64_t count_reasoning(SequenceState const& sequence,
                                             io::Choice const& choice) const;
  void split(io::Choice& choice) const;
  [[nodiscard]] std::string echoed_text() const;
  [[nodiscard]] std::vector<io::TokenLogprob> echoed_logprobs() const;
  [[nodiscard]] std::vector<std::size_t> chosen() const;
  void echo(io::Answer& answer) const;
  void add_prompt(io::Answer& answer);

  io::Request request_;
  std::vector<std::int32_t> prompt_;
  TextModel const* text_;
  io::ReasoningParser reasoning_;
  io::PromptThinking prompt_thinking_ = io::PromptThinking::unsaid;
  std::deque<Completion> samples_;
  std::vector<std::optional<Finished>> finished_;
  std::uint32_t num_finished_ = 0;
  std::vector<io::TokenLogprob> prompt_logprobs_;
  io::AnswerTimings timings_;
};

}  // namespace talus::runtime
