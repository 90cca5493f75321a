// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/roles.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "parallel/agree.hpp"
#include "parallel/collectives.hpp"
#include "parallel/mpi_session.hpp"
#include "runtime/base/error.hpp"

namespace talus::api {
namespace {

/// Of the messages between ranks; programs that are linked to another one can't talk to this.
constexpr std::int64_t protocol = 1;

}  // namespace

MPI_Comm checked_comm(MPI_Comm comm) {
  int is_there = 0;
  MPI_Initialized(&is_there);
  int is_over = 0;
  MPI_Finalized(&is_over);
  if (is_there == 0 || is_over != 0) {
    throw ConfigError{is_over != 0 ? "MPI was finalised (an engine needs it)"
                                   : "MPI isn't initialised (the program does it, not the engine)"};
  }
  if (comm == MPI_COMM_NULL) {
    throw ConfigError{
        "communicator: MPI_COMM_NULL (only ranks of a communicator can have an engine)"};
  }
  int is_inter = 0;
  MPI_Comm_test_inter(comm, &is_inter);
  if (is_inter != 0) {
    throw ConfigError{"communicator: an inter-communicator (merge it with MPI_Intercomm_merge)"};
  }
  int is_main = 1;
  MPI_Is_thread_main(&is_main);
  if (is_main == 0 && parallel::granted_thread_level() < parallel::ThreadLevel::serialized) {
    throw ConfigError{
        "MPI's thread level: less than MPI_THREAD_SERIALIZED (needed where a thread other than the "
        "one that initialised MPI calls the engine, since the engine calls MPI)"};
  }
  return comm;
}

Hello exchange_hello(parallel::Communicator const& comm, Role role) {
  int const mine = role == Role::engine ? comm.rank() : comm.size();
  std::array<std::int64_t, 3> most = {protocol, -protocol, -mine};
  parallel::all_reduce(comm, std::span<std::int64_t>{most}, parallel::ReduceOp::max);
  return {.least_protocol = -most[1],
          .most_protocol = most[0],
          .speaker = static_cast<int>(-most[2] % comm.size())};
}

void check_protocol(Hello const& hello) {
  if (hello.least_protocol != hello.most_protocol) {
    throw ConfigError{concat("programs of this communicator speak protocols ",
                             hello.least_protocol,
                             " to ",
                             hello.most_protocol,
                             " of the engine (all must be linked to one version of Talus)")};
  }
}

namespace {

void check_own(Options const& options, int num_ranks) {
  if (options.engine_ranks < 0 || options.engine_ranks > num_ranks) {
    throw ConfigError{concat("engine-ranks: ",
                             options.engine_ranks,
                             " (must be 0 to ",
                             num_ranks,
                             ", the size of the communicator)")};
  }
  if (options.max_in_flight < 1) {
    throw ConfigError{concat("max-in-flight: ", options.max_in_flight, " (must be at least 1)")};
  }
}

bool is_same(parallel::Communicator const& comm, int value) {
  std::array<int, 2> most = {value, -value};
  parallel::all_reduce(comm, std::span<int>{most}, parallel::ReduceOp::max);
  return most[0] == -most[1];
}

/// Whether this rank is the engine's.
bool is_for_engine(parallel::Communicator const& comm, Options const& options) {
  bool const is_named = options.role != Role::automatic;
  if (!is_same(comm, is_named ? 1 : 0)) {
    throw ConfigError{
        "role: auto on some ranks only (must be engine or client on all, or on none)"};
  }
  if (is_named) {
    return options.role == Role::engine;
  }
  int const first = options.engine_ranks == 0 ? comm.size() : options.engine_ranks;
  if (!is_same(comm, first)) {
    throw ConfigError{"engine-ranks: differs from rank to rank (must be the same on all)"};
  }
  return comm.rank() < first;
}

}  // namespace

Roles choose_roles(parallel::Communicator const& comm, Options const& options) {
  parallel::run_and_agree(comm, [&] { check_own(options, comm.size()); });
  Roles roles;
  roles.is_engine = is_for_engine(comm, options);
  char const mine = roles.is_engine ? 1 : 0;
  roles.is_engine_rank.resize(static_cast<std::size_t>(comm.size()));
  parallel::all_gather(comm, std::span{&mine, 1}, std::span{roles.is_engine_rank});
  auto const count = std::count(roles.is_engine_rank.begin(), roles.is_engine_rank.end(), char{1});
  if (count == 0) {
    throw ConfigError{
        "role: client on all ranks (one at least must be the engine's: of the program, or of talus "
        "engine in the same launch)"};
  }
  roles.has_clients = count < comm.size();
  int const needs = options.needs_clients ? 1 : 0;
  if (!roles.has_clients && parallel::all_reduce(comm, needs, parallel::ReduceOp::max) != 0) {
    throw ConfigError{concat("no clients: all ",
                             comm.size(),
                             " ranks are the engine's (a program that asks must be in the same "
                             "launch: mpirun -n 4 PROGRAM : -n 2 talus engine --model DIR)")};
  }
  return roles;
}

}  // namespace talus::api
