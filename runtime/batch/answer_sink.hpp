// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "io/requests/answer_file.hpp"
#include "parallel/mailbox.hpp"

namespace talus::runtime {

/// How many requests of a run are done.
struct AnswerCounts {
  std::int64_t answers = 0;
  std::int64_t errors = 0;
  std::int64_t output_tokens = 0;

  [[nodiscard]] std::int64_t done() const noexcept { return answers + errors; }
};

/// Brings finished lines from the first rank of every replica to the one rank that writes the
/// output.
class AnswerSink {
 public:
  /// Collective over `leads`.
  ///
  /// \param file  open on rank 0 of `leads`; null elsewhere
  AnswerSink(parallel::Communicator const& leads, std::unique_ptr<io::AnswerFile> file);

  /// Sends a finished answer's line.
  void add_answer(std::string_view line, std::int64_t output_tokens);

  /// Sends the line of a request that could not be answered.
  void add_error(std::string_view line);

  /// Writes what has arrived; waits for nothing. Does nothing but on rank 0.
  void drain();

  /// Writes what is still to come and closes the file. Collective over `leads`.
  void close();

  /// On rank 0: what has been written so far.
  [[nodiscard]] AnswerCounts const& counts() const noexcept { return counts_; }

 private:
  void send(std::int64_t output_tokens, std::string_view line);
  void write(std::span<std::byte const> message);

  bool is_writer_;
  parallel::Mailbox mailbox_;
  std::unique_ptr<io::AnswerFile> file_;
  AnswerCounts counts_;
};

}  // namespace talus::runtime
