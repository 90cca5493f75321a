// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "io/ledger/saved_index.hpp"
#include "io/ledger/work_left.hpp"
#include "io/requests/input_index.hpp"
#include "io/requests/spooled_input.hpp"
#include "parallel/call_log.hpp"
#include "parallel/communicator.hpp"
#include "runtime/batch/answer_store.hpp"
#include "runtime/batch/run_options.hpp"

namespace talus::runtime {

/// The requests of a run, and which of them are yet to be done: rank 0 reads, then all ranks know.
class RunInput {
 public:
  /// \param batch  outlives this
  explicit RunInput(BatchOptions const& batch) : batch_{&batch} {}

  /// Reads the input; keeps standard input in a file. On rank 0.
  ///
  /// \param calls  where this rank says that it waits for standard input; null: nowhere
  /// \throws ConfigError  if it can't be read
  void read(parallel::CallLog* calls);

  /// Takes over what an earlier run has done. On rank 0, after read().
  void go_on_from(AnswerStore const& store);

  /// Gives all ranks what rank 0 knows. Collective over `world`.
  void share(parallel::Communicator const& world);

  /// The file of requests, which all ranks can read.
  [[nodiscard]] std::filesystem::path file() const;

  [[nodiscard]] io::InputIndex const& index() const noexcept { return index_; }

  /// Requests without a line in the output when this run began.
  [[nodiscard]] io::WorkLeft const& left() const noexcept { return left_; }

  /// Tokens that an earlier run had of those.
  [[nodiscard]] io::SavedIndex const& saved() const noexcept { return saved_; }

  /// Whether an earlier run has done all there is.
  [[nodiscard]] bool is_done() const { return left_.size() == 0 && index_.num_requests() > 0; }

 private:
  BatchOptions const* batch_;
  std::optional<io::SpooledInput> spool_;  ///< of standard input, on rank 0
  io::InputIndex index_;
  io::WorkLeft left_;
  io::SavedIndex saved_;
};

}  // namespace talus::runtime
