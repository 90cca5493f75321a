// SPDX-License-Identifier: Apache-2.0
#include "parallel/mpi_session.hpp"

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include "parallel/collectives.hpp"
#include "parallel/communicator.hpp"
#include "runtime/base/error.hpp"

#include <catch2/catch_session.hpp>

#include "tests/support/catch.hpp"

using namespace talus::parallel;  // what is tested

namespace {

bool is_initialized() {
  int flag = 0;
  MPI_Initialized(&flag);
  return flag != 0;
}

bool is_finalized() {
  int flag = 0;
  MPI_Finalized(&flag);
  return flag != 0;
}

}  // namespace

TEST_CASE("a session inside of a session leaves MPI alone") {
  {
    MpiSession const inner;
    CHECK_FALSE(inner.owns_mpi());
    CHECK(inner.thread_level() == ThreadLevel::multiple);
  }
  CHECK(is_initialized());
  CHECK_FALSE(is_finalized());
}

TEST_CASE("ranks yield if there are more of them than cores, and they are not bound") {
  CHECK(should_yield_when_idle("8", nullptr, 2));
  CHECK_FALSE(should_yield_when_idle("2", nullptr, 2));
  CHECK_FALSE(should_yield_when_idle("8", "1", 1));
  CHECK_FALSE(should_yield_when_idle(nullptr, nullptr, 1));
  CHECK_FALSE(should_yield_when_idle("many", nullptr, 1));
  CHECK_FALSE(should_yield_when_idle("8x", nullptr, 1));
}

TEST_CASE("the processor has cores for this process") {
  CHECK(num_usable_cores() >= 1);
}

TEST_CASE("what the launcher said is what MPI was told") {
  bool const yields = should_yield_when_idle(std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE"),
                                             std::getenv("OMPI_MCA_orte_bound_at_launch"),
                                             num_usable_cores());

  CHECK((!yields || std::getenv("OMPI_MCA_mpi_yield_when_idle") != nullptr));
}

// Its own main instead of the common one: the session under test is the one that begins MPI.
int main(int argc, char** argv) {
  int failed = 0;
  {
    std::optional<MpiSession> session{std::in_place};
    failed += session->owns_mpi() && is_initialized() ? 0 : 1;
    failed += Catch::Session().run(argc, argv);
    {
      Communicator const world = Communicator::duplicate(MPI_COMM_WORLD);
      failed = all_reduce(world, failed, ReduceOp::max);
    }
    session.reset();
  }
  failed += is_finalized() ? 0 : 1;
  try {
    MpiSession const too_late;
    ++failed;
  } catch (talus::ConfigError const&) {  // as it should be
  }
  return failed == 0 ? 0 : 1;
}
