#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   tests/portability.sh [clang|serial|aarch64|all]
#
# What tests/run.sh doesn't build, with warnings as errors, and its tests:
#   clang    all of it by clang instead of g++
#   serial   a Kokkos that has nothing but its Serial device, and none of the kernels for x86
#   aarch64  all of it for aarch64, by a cross-compiler; qemu runs it
# Each ends with the tokens and log-probabilities of the demo's models, which are to be those of
# every other build: tests/data/portability.txt has their hashes. By hand, since it takes long: each
# builds everything once more. Sets the machine up first, as tests/run.sh does.
#
#   JOBS  parallel compilations and test processes (all cores)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${JOBS:-$(nproc)}
what=${1:-all}
started=$SECONDS
export KOKKOS_SOURCE=${KOKKOS_SOURCE:-$PWD/build/kokkos}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

say() { echo "tests/portability.sh ($((SECONDS - started)) s): $*"; }

# build_and_test PRESET CTEST_ARGUMENT...
build_and_test() {
  cmake --preset "$1"
  cmake --build --preset "$1" --parallel "$jobs"
  say "$1: built"
  ctest --preset "$1" --parallel "$jobs" "${@:2}"
}

# check_hashes PRESET COMMAND...: what the program computes on one rank, run by COMMAND.
check_hashes() {
  local preset=$1 model backend wanted got
  shift
  while read -r model backend wanted; do
    got=$("$@" "build/$preset/bin/talus" verify --model "jobs/demo/$model" --backend "$backend" |
      sed 's/ *dp.*//' | sort -u)
    [ "$got" = "$wanted" ] || {
      echo "tests/portability.sh: $preset: $model on $backend: $got (elsewhere $wanted)" >&2
      return 1
    }
  done < <(grep -v '^#' tests/data/portability.txt)
  say "$preset: the same bits"
}

try_clang() {
  CLANG=yes jobs/setup.sh
  build_and_test clang --label-exclude slow
  check_hashes clang
}

try_serial() {
  jobs/setup.sh
  Kokkos_ROOT='' CMAKE_PREFIX_PATH='' PREFIX=$PWD/build/kokkos-serial \
    KOKKOS_OPTIONS="-D Kokkos_ENABLE_OPENMP=OFF" jobs/setup.sh
  Kokkos_ROOT=$PWD/build/kokkos-serial build_and_test serial --label-exclude slow
  check_hashes serial
}

# The command's own tests start it by name, and an emulator can't be put before it.
try_aarch64() {
  export TALUS_AARCH64_ROOT=$PWD/build/aarch64-root
  CROSS=yes jobs/setup.sh
  tests/aarch64_root.sh "$TALUS_AARCH64_ROOT"
  Kokkos_ROOT='' CMAKE_PREFIX_PATH='' PREFIX=$TALUS_AARCH64_ROOT/usr KOKKOS_FLAGS='' \
    KOKKOS_OPTIONS="--toolchain $PWD/cmake/aarch64.cmake" jobs/setup.sh
  build_and_test aarch64 --label-exclude "slow|jobs|install"
  check_hashes aarch64 qemu-aarch64 -L "$TALUS_AARCH64_ROOT"
}

case $what in
  clang | serial | aarch64) "try_$what" ;;
  all) for each in clang serial aarch64; do "try_$each"; done ;;
  *)
    echo "tests/portability.sh: $what (clang, serial, aarch64 or all)" >&2
    exit 2
    ;;
esac
say "all passed"
