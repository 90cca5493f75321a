// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <iostream>

#include <mpi.h>

#include "kernels/session.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/batch/batch_run.hpp"

namespace {

/// Lets warnings through.
class Warnings : public talus::Reporter {
 public:
  void info(std::string_view) override {}

  void warn(std::string_view line) override { std::cerr << line << '\n'; }

  void progress(std::string_view) override {}
};

}  // namespace

/// Answers a file of requests with one replica on all ranks: answer MODEL REQUESTS ANSWERS.
int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "answer MODEL REQUESTS ANSWERS\n";
    return 2;
  }
  talus::parallel::MpiSession const mpi;
  try {
    int rank = 0;
    int size = 1;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    talus::kernels::KernelSession const kernels{1};

    talus::runtime::ModelOptions model;
    model.model = argv[1];
    model.tensor_parallel_size = size;
    model.threads = 1;
    model.team = kernels.team();
    talus::runtime::BatchOptions batch;
    batch.input = argv[2];
    batch.output = argv[3];

    Warnings reporter;
    auto stage = talus::runtime::RunStage::setting_up;
    talus::runtime::run_batch(MPI_COMM_WORLD, model, batch, {}, {}, reporter, stage);
    if (rank == 0 && stage == talus::runtime::RunStage::done) {
      std::cout << "answered\n";
    }
  } catch (std::exception const& error) {
    std::cerr << error.what() << '\n';
    talus::parallel::abort_job(1);
  }
}
