#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   tests/portability.sh [clang|serial|aarch64|all]
#
# What tests/run.sh doesn't build, with warnings as errors, and its tests:
#   clang    all of it by clang instead of g++
#   serial   a Kokkos that has nothing but its Serial device, and none of the kernels for x86
#   aarch64  all of it for aarch64, by a cross-compiler; qemu runs it
# That they compute the same bits is the test kernels.bits of each. By hand, since it takes long:
# each builds everything once more, and the emulator is slow. Sets the machine up first, as
# tests/run.sh does.
#
#   JOBS   parallel compilations and test processes (all cores)
#   TESTS  those to run, as a regular expression of ctest (all but the slow ones)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

jobs=${JOBS:-$(nproc)}
what=${1:-all}
tests=${TESTS:-.}
started=$SECONDS
export KOKKOS_SOURCE=${KOKKOS_SOURCE:-$PWD/build/kokkos}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

say() { echo "tests/portability.sh ($((SECONDS - started)) s): $*"; }

# build_and_test PRESET CTEST_ARGUMENT...
build_and_test() {
  cmake --preset "$1"
  cmake --build --preset "$1" --parallel "$jobs"
  say "$1: built"
  ctest --preset "$1" --parallel "$jobs" --tests-regex "$tests" "${@:2}"
}

try_clang() {
  CLANG=yes jobs/setup.sh
  build_and_test clang --label-exclude slow
}

try_serial() {
  jobs/setup.sh
  Kokkos_ROOT='' CMAKE_PREFIX_PATH='' PREFIX=$PWD/build/kokkos-serial \
    KOKKOS_OPTIONS="-D Kokkos_ENABLE_OPENMP=OFF" jobs/setup.sh
  Kokkos_ROOT=$PWD/build/kokkos-serial build_and_test serial --label-exclude slow
}

# The command's own tests start it by name, and an emulator can't be put before it.
try_aarch64() {
  export TALUS_AARCH64_ROOT=$PWD/build/aarch64-root
  CROSS=yes jobs/setup.sh
  tests/aarch64_root.sh "$TALUS_AARCH64_ROOT"
  Kokkos_ROOT='' CMAKE_PREFIX_PATH='' PREFIX=$TALUS_AARCH64_ROOT/usr KOKKOS_FLAGS='' \
    KOKKOS_OPTIONS="--toolchain $PWD/cmake/aarch64.cmake" jobs/setup.sh
  build_and_test aarch64 --label-exclude "slow|jobs|install"
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
