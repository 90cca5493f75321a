// SPDX-License-Identifier: Apache-2.0
#include "runtime/batch/step_time_model.hpp"

#include "tests/support/catch.hpp"

using Catch::Matchers::WithinRel;
using talus::runtime::StepTimeModel;

namespace {

double true_seconds(double prompt, double answer) {
  return 0.02 + 1e-4 * prompt + 5e-4 * answer;
}

}  // namespace

TEST_CASE("a model of step times finds the shares of its steps") {
  StepTimeModel model;
  CHECK_FALSE(model.knows());
  CHECK(model.seconds(100, 10) == 0.0);
  for (int step = 0; step < 200; ++step) {
    double const prompt = step % 5 == 0 ? 512 : 0;
    double const answer = 3 + step % 17;
    model.add(prompt, answer, true_seconds(prompt, answer));
  }
  CHECK(model.knows());
  CHECK_THAT(model.seconds(0, 1), WithinRel(true_seconds(0, 1), 1e-3));
  CHECK_THAT(model.seconds(2000, 64), WithinRel(true_seconds(2000, 64), 1e-3));
}

TEST_CASE("a model of step times knows steps like those it saw, if they were all the same") {
  StepTimeModel model;
  for (int step = 0; step < 10; ++step) {
    model.add(0, 8, 0.25);
  }
  CHECK_THAT(model.seconds(0, 8), WithinRel(0.25, 1e-3));
  CHECK(model.seconds(100, 8) >= 0.2499);
}

TEST_CASE("a model of step times has no negative shares") {
  StepTimeModel model;  // these steps are the shorter the more they hold
  for (int step = 0; step < 50; ++step) {
    double const answer = step % 10;
    model.add(0, answer, 1.0 - 0.05 * answer);
  }
  CHECK(model.seconds(0, 1000) > 0.0);
  CHECK(model.seconds(0, 1000) >= model.seconds(0, 0));
}

TEST_CASE("a model of step times forgets") {
  StepTimeModel model;
  for (int step = 0; step < 500; ++step) {
    model.add(0, 4, 0.1);
  }
  for (int step = 0; step < 500; ++step) {
    model.add(0, 4, 0.3);
  }
  CHECK_THAT(model.seconds(0, 4), WithinRel(0.3, 0.02));
}
