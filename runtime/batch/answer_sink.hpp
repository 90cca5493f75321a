// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/mailbox.hpp"
#include "runtime/batch/answer_counts.hpp"
#include "runtime/batch/answer_store.hpp"

namespace talus::runtime {

/// Brings finished lines, and tokens of unfinished ones to be saved, from the first rank of every
/// replica to the one rank that writes them.
class AnswerSink {
 public:
  /// Collective over `leads`.
  ///
  /// \param store  open on rank 0 of `leads`, and outlives this; null elsewhere
  AnswerSink(parallel::Communicator const& leads, AnswerStore* store);

  /// Sends a finished answer's line.
  void add_answer(std::int64_t request, std::string_view line, std::int64_t output_tokens);

  /// Sends the line of a request that could not be answered.
  void add_error(std::int64_t request, std::string_view line);

  /// Sends tokens of unfinished answers.
  ///
  /// \param payloads  of io::format_saved_tokens
  void save(std::span<std::string const> payloads);

  /// Writes what has arrived, and commits all of it at once; waits for nothing but the disk. Does
  /// nothing but on rank 0.
  void drain();

  /// Writes what is still to come and closes the store. Collective over `leads`.
  void close();

  /// On rank 0: what this run has written so far, and is as safe as --sync says.
  [[nodiscard]] AnswerCounts const& counts() const noexcept { return counts_; }

 private:
  void send(std::int64_t request, std::int64_t output_tokens, std::string_view line);
  void write(std::span<std::byte const> message);
  void commit();

  bool is_writer_;
  parallel::Mailbox mailbox_;
  AnswerStore* store_;
  AnswerCounts counts_;
  AnswerCounts written_;  ///< since the last commit
};

}  // namespace talus::runtime
