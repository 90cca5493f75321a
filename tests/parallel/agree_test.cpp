// SPDX-License-Identifier: Apache-2.0
#include "parallel/agree.hpp"

#include <stdexcept>

#include "parallel/collectives.hpp"
#include "runtime/base/error.hpp"

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

namespace {

// What agreeing throws on this rank, "" if nothing.
template <class Failure>
std::string outcome(Communicator const& comm, Failure const& failure) {
  try {
    agree_or_throw(comm, failure);
  } catch (talus::ConfigError const& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("nothing is thrown if no rank failed") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);

  CHECK(outcome(comm, std::optional<std::string>{}).empty());
  CHECK(outcome(comm, std::exception_ptr{}).empty());
}

TEST_CASE("every rank throws the message of the lowest rank that failed") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  int const size = comm.size();
  int const first_bad = GENERATE_COPY(range(0, size));
  std::optional<std::string> failure;
  if (comm.rank() >= first_bad) {
    failure = "open m.safetensors: no such file, says " + std::to_string(comm.rank());
  }

  std::string const text = outcome(comm, failure);

  std::string const expected =
      "open m.safetensors: no such file, says " + std::to_string(first_bad);
  std::string const who =
      first_bad == 0 ? ""
                     : " (rank " + std::to_string(first_bad) + " of " + std::to_string(size) + ")";
  CHECK_THAT(text, StartsWith(expected + who + " ["));
  CHECK(all_agree(comm, true));  // nobody is left behind in a collective
}

TEST_CASE("an exception keeps its text and its place") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  auto const config = std::make_exception_ptr(
      talus::ConfigError{"--block-size: 0 (at least 1)", {"jobs/flags.cpp", 17}});
  auto const other = std::make_exception_ptr(std::runtime_error{"odd [not a place]"});

  CHECK_THAT(outcome(comm, config), Equals("--block-size: 0 (at least 1) [jobs/flags.cpp:17]"));
  CHECK_THAT(outcome(comm, other), StartsWith("odd [not a place] ["));
  CHECK_THAT(outcome(comm, std::make_exception_ptr(7)), StartsWith("unknown exception ["));
}

TEST_CASE("work that one rank cannot do fails on all") {
  Communicator const comm = Communicator::duplicate(MPI_COMM_WORLD);
  bool const is_last = comm.rank() == comm.size() - 1;
  int done = 0;

  CHECK_NOTHROW(run_and_agree(comm, [&] { ++done; }));
  CHECK_THROWS_WITH(run_and_agree(comm,
                                  [&] {
                                    ++done;
                                    if (is_last) {
                                      throw talus::ConfigError{"cannot"};
                                    }
                                  }),
                    StartsWith("cannot"));

  CHECK(done == 2);
}
