// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <mpi.h>
#include <talus/engine.hpp>

#include "member.hpp"

namespace {

constexpr std::int64_t max_in_flight = 32;

/// Every rank has a part of the model: all work on all problems, in turns of some milliseconds.
void run_with_model(talus::Engine& engine, Member& member) {
  int is_done = 0;
  while (is_done == 0) {
    member.submit();
    engine.step_for(50.0);
    member.take_answers();
    is_done = member.is_done() ? 1 : 0;
    MPI_Allreduce(MPI_IN_PLACE, &is_done, 1, MPI_INT, MPI_LAND, engine.peers());
  }
}

/// The model is on other ranks, which work by themselves.
void run_as_client(Member& member) {
  for (member.submit(); !member.is_done(); member.submit()) {
    member.wait_for_answer();
  }
}

/// Gives whether the ensemble came to what it should.
bool report(Member const& member, std::int64_t num_problems, MPI_Comm comm) {
  std::array<std::int64_t, 2> sums = {member.num_right(), member.num_refusals()};
  MPI_Allreduce(MPI_IN_PLACE, sums.data(), 2, MPI_INT64_T, MPI_SUM, comm);
  std::int64_t most = member.most_in_flight();
  MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_INT64_T, MPI_MAX, comm);
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (rank == 0) {
    std::cout << sums[0] << " of " << num_problems << " right, of " << size << " members; at most "
              << most << " of a member under way, held back " << sums[1] << " times\n";
  }
  return most <= max_in_flight && 4 * sums[0] >= 3 * num_problems;
}

/// ensemble PROBLEMS [MODEL] [OPTION=VALUE...]: without a model a client of `talus engine`.
bool run(std::vector<std::string> const& arguments) {
  std::int64_t const num_problems = arguments.empty() ? 2000 : std::stoll(arguments[0]);
  talus::Options options;
  options.max_in_flight = max_in_flight;
  options.role = talus::Role::client;
  if (arguments.size() > 1) {
    options.model = arguments[1];
    options.role = talus::Role::automatic;
    options.threads = 1;
    options.kv_cache_memory = std::int64_t{32} << 20;
  }
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    std::size_t const equals = arguments[i].find('=');
    talus::set_option(options, arguments[i].substr(0, equals), arguments[i].substr(equals + 1));
  }
  talus::Engine engine{MPI_COMM_WORLD, options};
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(engine.peers(), &rank);
  MPI_Comm_size(engine.peers(), &size);
  std::int64_t const share = num_problems * (rank + 1) / size - num_problems * rank / size;
  Member member{engine, rank, share};
  if (engine.is_engine_rank()) {
    run_with_model(engine, member);
  } else {
    run_as_client(member);
  }
  bool const is_fine = report(member, num_problems, engine.peers());
  engine.close();
  return is_fine;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  bool is_fine = false;
  try {
    is_fine = run({argv + 1, argv + argc});
  } catch (std::exception const& error) {
    std::cerr << "ensemble: " << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return is_fine ? 0 : 1;
}
