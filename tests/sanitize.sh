#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The tests that need no launcher once more, under the address and undefined-behaviour sanitizers.
# Expects a machine that jobs/setup.sh made ready.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${JOBS:-$(nproc)}
cmake --preset asan
cmake --build --preset asan --parallel "$jobs" --target talus_serial_tests
ctest --preset asan --parallel "$jobs" --label-regex '^serial$' --label-exclude slow
