// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_input.hpp"

#include <cstddef>
#include <vector>

#include "parallel/collectives.hpp"

namespace talus::runtime {
namespace {

constexpr int standard_input = 0;

/// Rank 0's bytes on all ranks. Collective over `world`.
std::vector<std::byte> share_bytes(parallel::Communicator const& world,
                                   std::vector<std::byte> bytes) {
  parallel::broadcast_bytes(world, bytes, 0);
  return bytes;
}

}  // namespace

void RunInput::read(parallel::CallLog* calls) {
  if (batch_->input == "-") {
    // A run that was killed has left its file behind.
    parallel::PatienceScope const may_take_long{calls};
    bool const may_be_there = batch_->overwrite || batch_->resume != "never";
    spool_.emplace(standard_input,
                   batch_->output,
                   may_be_there ? io::Existing::overwrite : io::Existing::refuse);
  }
  index_ = io::index_input(file());
}

void RunInput::go_on_from(AnswerStore const& store) {
  left_ = store.work_left(index_.num_requests());
  saved_ = store.saved();
}

void RunInput::share(parallel::Communicator const& world) {
  index_ = io::InputIndex::from_bytes(share_bytes(world, index_.to_bytes()));
  left_ = io::WorkLeft::from_bytes(share_bytes(world, left_.to_bytes()));
  saved_ = io::SavedIndex::from_bytes(io::ledger_of(batch_->output),
                                      share_bytes(world, saved_.to_bytes()));
}

std::filesystem::path RunInput::file() const {
  return batch_->input == "-" ? std::filesystem::path{batch_->output + ".input"}
                              : std::filesystem::path{batch_->input};
}

}  // namespace talus::runtime
