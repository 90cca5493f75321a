// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/run_output.hpp"

#include "parallel/agree.hpp"

namespace talus::runtime {

RunOutput::RunOutput(MPI_Comm comm,
                     BatchOptions const& batch,
                     parallel::CallLog* calls,
                     Reporter& reporter)
    : reporter_{&reporter} {
  parallel::Communicator const world = parallel::Communicator::duplicate(comm, calls);
  parallel::run_and_agree(world, [&] {
    if (world.rank() == 0 && !batch.dry_run) {
      store_.emplace(batch, choose_start(batch), calls);
    }
  });
}

void RunOutput::open(parallel::ProcessGrid const& grid, io::Identity const& identity) {
  bool const is_root = grid.world().rank() == 0;
  parallel::run_and_agree(grid.world(), [&] {
    if (is_root) {
      store_->open(identity);
      tell_warnings();
    }
  });
  if (grid.is_lead()) {
    sink_ = std::make_unique<AnswerSink>(grid.leads(), is_root ? &*store_ : nullptr);
  }
}

void RunOutput::touch(parallel::ProcessGrid const& grid, io::Identity const& identity) {
  parallel::run_and_agree(grid.world(), [&] {
    if (grid.world().rank() == 0) {
      store_->open(identity);
      tell_warnings();
      store_->close();
    }
  });
}

AnswerCounts RunOutput::counts() const {
  return sink_ ? sink_->counts() : AnswerCounts{};
}

AnswerCounts RunOutput::all_counts() const {
  AnswerCounts all = store_->kept_counts();
  return all += counts();
}

void RunOutput::tell_warnings() {
  for (std::string const& warning : store_->take_warnings()) {
    reporter_->warn(warning);
  }
}

}  // namespace talus::runtime
