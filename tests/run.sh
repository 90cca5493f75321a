#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Sets the machine up, builds everything with warnings as errors, and runs all tests. Says how many
# were skipped, and which.
#
#   JOBS  parallel compilations and test processes (all cores)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${JOBS:-$(nproc)}
report=build/ci/tests.xml
started=$SECONDS

say() { echo "tests/run.sh ($((SECONDS - started)) s): $*"; }

jobs/setup.sh
cmake --preset ci
say "configured"
cmake --build --preset ci --parallel "$jobs"
say "built"

failed=0
ctest --preset ci --parallel "$jobs" --output-junit tests.xml --test-output-size-passed 1000000 ||
  failed=1

# A test that CTest didn't run, and a Catch2 test that skipped itself inside a program that passed.
skipped=$(grep -cE '<testcase .*status="(notrun|disabled)"' "$report" || true)
partly=$(grep -cE '[0-9]+ skipped' "$report" || true)
total=$(grep -c '<testcase ' "$report" || true)
grep -E '<testcase .*status="(notrun|disabled)"' "$report" |
  sed -E 's/.*name="([^"]*)".*/skipped: \1/' || true
say "$total tests, $skipped skipped, $partly programs that skipped some of theirs," \
  "$([ $failed -eq 0 ] && echo "none failed" || echo "some FAILED")"
exit $failed
