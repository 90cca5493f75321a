#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a Debian 12 machine ready to build, test and run Talus: packages, and Kokkos from Debian's
# own sources. A second run changes nothing. Without root it changes nothing either: it says what is
# missing, and fails if anything is.
#
#   PREFIX        where Kokkos goes (/usr/local, where CMake looks by itself)
#   KOKKOS_FLAGS  compiler flags for Kokkos (-march=native; empty if other machines use it too)
#   JOBS          parallel compilations (all cores)
#   KOKKOS_OPTIONS  further options for Kokkos' CMake (for instance -D Kokkos_ENABLE_OPENMP=OFF)
#   KOKKOS_SOURCE   where its source is, or is put; else it is thrown away
#   FUZZING       set to have clang's libFuzzer too, which tests/sanitize.sh needs
#   CLANG         set to have clang and its OpenMP too, CROSS a compiler for aarch64 and its emulator:
#                 what tests/portability.sh needs
#
# A Kokkos that is already there is taken: in Kokkos_ROOT, CMAKE_PREFIX_PATH, or PREFIX.
set -euo pipefail

prefix=${PREFIX:-/usr/local}
kokkos_flags=${KOKKOS_FLAGS--march=native}
jobs=${JOBS:-$(nproc)}
read -ra kokkos_options <<< "${KOKKOS_OPTIONS:-}"
started=$SECONDS

packages=(
  g++ cmake ninja-build pkg-config
  libopenmpi-dev openmpi-bin
  gfortran # the Fortran module and its example
  libhdf5-dev
  nlohmann-json3-dev libcli11-dev libyaml-cpp-dev
  libonig-dev libutf8proc-dev libxxhash-dev libhwloc-dev
  libboost-context-dev # tests of GPU kernels
  python3-h5py
  slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge # tests of batch jobs
  iproute2 util-linux # tests on emulated hosts
  strace)
[ -z "${FUZZING:-}" ] || packages+=(clang libclang-rt-14-dev)
[ -z "${CLANG:-}" ] || packages+=(clang libomp-dev)
[ -z "${CROSS:-}" ] || packages+=(g++-aarch64-linux-gnu qemu-user)

say() { echo "setup ($((SECONDS - started)) s): $*"; }

die() {
  echo "setup: $*" >&2
  exit 1
}

# version_of PACKAGE: of an installed package; nothing if it isn't.
version_of() {
  dpkg-query --show --showformat='${db:Status-Status} ${Version}\n' "$1" 2> /dev/null |
    sed -n 's/^installed //p'
}

# What apt has to be asked for, a line each. Catch2 3 is in bookworm's backports, bookworm has 2.
missing_packages() {
  local package
  for package in "${packages[@]}"; do
    [ -n "$(version_of "$package")" ] || echo "$package"
  done
  case $(version_of catch2) in
    3.*) ;;
    *) [ "$codename" = bookworm ] && echo catch2/bookworm-backports || echo catch2 ;;
  esac
}

# Kokkos' package file, from the folders that CMake will look in; nothing if it is in none.
kokkos_file() {
  local root file roots=()
  IFS=: read -ra roots <<< "${Kokkos_ROOT:-}:${CMAKE_PREFIX_PATH:-}:$prefix"
  for root in "${roots[@]}"; do
    for file in "$root"/lib*/cmake/Kokkos/KokkosConfig.cmake; do
      if [ -n "$root" ] && [ -f "$file" ]; then
        echo "$file"
        return
      fi
    done
  done
}

# suite_address SUITE: of the archive from which apt takes it, whatever file names it; nothing if it
# doesn't. Asking costs nothing, and needs no lists.
suite_address() {
  apt-get update --print-uris | sed -n "s|^'\([^']*\)/dists/$1/InRelease'.*|\1|p" | sed -n 1p
}

install_packages() {
  local list=/etc/apt/sources.list.d/talus-backports.list log
  if [[ $* == *-backports* ]] && [ -z "$(suite_address "$codename-backports")" ]; then
    echo "deb $archive $codename-backports main" > $list
  fi
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! {
    apt-get -q update && apt-get install -q --yes --no-install-recommends "$@"
  } > "$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "packages could not be installed (whole log: $log)"
  fi
  rm "$log"
}

# fetch_source SUITE PACKAGE FOLDER: the upstream archive of a source package, through an apt with
# lists of its own, so that the machine's are not changed.
fetch_source() {
  local apt=$3/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  echo "deb-src $archive $1 main" > "$apt/sources.list"
  local options=(-qq -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache"
    -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o APT::Sandbox::User=root)
  (cd "$3" && apt-get "${options[@]}" update &&
    apt-get "${options[@]}" --download-only --tar-only source "$2") >> "$3/log" 2>&1
}

# unpack_kokkos FOLDER SOURCE: to SOURCE, through FOLDER. The release's own copy, inside Trilinos, is
# the one that Talus is tested with; the newest suite's own package is the second choice.
unpack_kokkos() {
  mkdir -p "$2"
  if fetch_source "$codename" trilinos "$1"; then
    tar -xf "$1"/trilinos_*.orig.tar.* -C "$2" --strip-components=3 \
      --wildcards '*/packages/kokkos/*'
  elif fetch_source sid kokkos "$1"; then
    tar -xf "$1"/kokkos_*.orig.tar.* -C "$2" --strip-components=1
  else
    tail -n 30 "$1/log" >&2
    die "no source of Kokkos in $archive"
  fi
}

install_kokkos() {
  local work source
  work=$(mktemp -d /var/tmp/talus-setup.XXXXXX)
  source=${KOKKOS_SOURCE:-$work/kokkos}
  [ -f "$source/CMakeLists.txt" ] || unpack_kokkos "$work" "$source"
  if ! {
    cmake -S "$source" -B "$work/build" -G Ninja -D CMAKE_BUILD_TYPE=Release \
      -D CMAKE_CXX_FLAGS="$kokkos_flags" -D CMAKE_POSITION_INDEPENDENT_CODE=ON \
      -D Kokkos_ENABLE_SERIAL=ON -D Kokkos_ENABLE_OPENMP=ON -D CMAKE_INSTALL_PREFIX="$prefix" \
      "${kokkos_options[@]}" &&
      cmake --build "$work/build" --parallel "$jobs" --target install
  } >> "$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    die "Kokkos could not be built (all of it in $work)"
  fi
  rm -r "$work"
}

command -v apt-get > /dev/null ||
  die "this is no Debian; README.md lists what Talus needs, and its names in Spack"
. /etc/os-release
codename=${VERSION_CODENAME:-}
[ "${ID:-}" = debian ] && [ "$codename" = bookworm ] ||
  echo "setup: warning: made for Debian 12 (bookworm), this is ${PRETTY_NAME:-something else}" >&2

mapfile -t missing < <(missing_packages)
kokkos=$(kokkos_file)

if [ ${#missing[@]} -eq 0 ] && [ -n "$kokkos" ]; then
  say "nothing to do, all packages are there, and Kokkos ($kokkos)"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  [ ${#missing[@]} -eq 0 ] || echo "setup: missing packages: ${missing[*]}" >&2
  [ -n "$kokkos" ] ||
    echo "setup: missing: Kokkos, in none of Kokkos_ROOT, CMAKE_PREFIX_PATH, $prefix" >&2
  die "not root, so nothing was changed; run it as root, or install these and run it again"
fi

archive=$(suite_address "$codename")
[ -n "$archive" ] || die "apt has no source for $codename's main part"
if [ ${#missing[@]} -gt 0 ]; then
  install_packages "${missing[@]}"
  say "installed ${missing[*]}"
fi
if [ -z "$kokkos" ]; then
  install_kokkos
  say "built Kokkos ($(kokkos_file))"
  [ "$prefix" = /usr/local ] || say "CMake needs to be told of it: export Kokkos_ROOT=$prefix"
fi
say "ready"
