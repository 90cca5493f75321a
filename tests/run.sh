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

# Tests that CTest didn't run, and Catch2 tests that skipped themselves inside a program that passed.
skipped=$(awk '
  /<testcase / { name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name) }
  /<testcase .*status="(notrun|disabled)"/ { print name }
  /test cases:.* [1-9][0-9]* skipped/ { print name " (some of it)" }' "$report")
say "$(grep -c '<testcase ' "$report") tests," \
  "$([ $failed -eq 0 ] && echo "none failed" || echo "some FAILED")," \
  "skipped: ${skipped:-none}"
exit $failed
