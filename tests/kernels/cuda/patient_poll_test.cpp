// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/patient_poll.hpp"

#include "tests/support/catch.hpp"

using talus::kernels::cuda::PatientPoll;

TEST_CASE("a short wait is polled alone; in a long one something slower is due now and then") {
  using Clock = std::chrono::steady_clock;

  PatientPoll poll;
  for (int i = 0; i < 199; ++i) {
    CHECK_FALSE(poll.pause());
  }
  auto const begin = Clock::now();
  int num_due = 0;
  int num_polls = 0;
  while (num_due < 3) {
    ++num_polls;
    num_due += poll.pause() ? 1 : 0;
  }
  CHECK(Clock::now() - begin >= std::chrono::milliseconds{15});
  CHECK(num_polls > 3);
}
