#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   tests/sanitize.sh [fuzz|short|all]
#
# Bad input under the address and undefined-behaviour sanitizers. `fuzz` feeds each parser for some
# seconds (clang's libFuzzer); `short`, the default, then runs the hostile cases on one rank and on
# more; `all` every other test too. Sets the machine up first, as tests/run.sh does.
#
#   JOBS     parallel compilations and test processes (all cores)
#   SECONDS_EACH  seconds that each parser is fuzzed (10)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${JOBS:-$(nproc)}
seconds_each=${SECONDS_EACH:-10}
what=${1:-short}
started=$SECONDS

say() { echo "tests/sanitize.sh ($((SECONDS - started)) s): $*"; }

# fuzz NAME: from our own seeds. What is found on the way stays in the build folder; an input that
# breaks something is a file crash-* there.
fuzz() {
  local name=$1 work=build/fuzz/found/$1
  mkdir -p "$work"
  build/fuzz/bin/fuzz_"$name" -max_total_time="$seconds_each" -timeout=20 -rss_limit_mb=3000 \
    -dict=tests/fuzz/"$name".dict -artifact_prefix="$work"/ -print_final_stats=1 \
    "$work" tests/fuzz/corpus/"$name" > build/fuzz/"$name".log 2>&1 || {
    tail -n 40 build/fuzz/"$name".log
    echo "tests/sanitize.sh: fuzz_$name found something: $work" >&2
    return 1
  }
  echo "tests/sanitize.sh: fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/"$name".log) inputs"
}

run_fuzz_targets() {
  cmake --preset fuzz
  cmake --build --preset fuzz --parallel "$jobs"
  say "fuzz targets built"
  export -f fuzz
  export seconds_each
  find tests/fuzz/corpus -mindepth 1 -maxdepth 1 -printf '%f\n' | sort |
    xargs -P "$jobs" -I{} bash -euo pipefail -c 'fuzz {}'
}

# run_tests TARGET CTEST_ARGUMENT...
run_tests() {
  cmake --preset asan
  cmake --build --preset asan --parallel "$jobs" --target "$1"
  say "$1 built"
  ctest --preset asan --parallel "$jobs" "${@:2}"
}

[[ $what =~ ^(fuzz|short|all)$ ]] || {
  echo "tests/sanitize.sh: $what (fuzz, short or all)" >&2
  exit 2
}
FUZZING=yes jobs/setup.sh
run_fuzz_targets
case $what in
  short) run_tests talus_hostile_tests --label-regex '^hostile$' ;;
  all) run_tests all --label-exclude slow ;;
esac
say "all passed"
