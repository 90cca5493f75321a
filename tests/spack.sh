#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   tests/spack.sh [SPACK_INSTALL_OPTION...]        for instance tests/spack.sh --test=root
#
# Installs the last commit of this clone with the spack in PATH (1.1, with its own packages and its
# solver at hand), on Debian's libraries, and tests the installation; checks the recipe, and that it
# refuses what Talus doesn't have. By hand, since it builds everything once more. Without a spack it
# is skipped, with exit code 77.
#
#   JOBS      parallel compilations (all cores)
#   VARIANTS  of the package (+examples); with +cuda, where spack/debian12/packages.yaml has CUDA
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

started=$SECONDS
say() { echo "tests/spack.sh ($((SECONDS - started)) s): $*"; }

if ! command -v spack > /dev/null; then
  say "SKIPPED: there is no spack in PATH"
  exit 77
fi
on_debian() { spack -C spack/debian12 "$@"; }
recipe=spack/spack_repo/talus/packages/talus/package.py
spec="talus@git.$(git rev-parse HEAD)=main"

# A tool that isn't there is said, too.
check_style() {
  local tool
  for tool in "black --check --quiet --line-length 99 --skip-magic-trailing-comma" "isort --check --quiet --profile black -l 99 -p spack -o spack_repo" \
    "flake8 --max-line-length 99 --extend-ignore=E203,E731,F403,F405,F821"; do
    if command -v "${tool%% *}" > /dev/null; then
      $tool "$recipe"
    else
      say "skipped: ${tool%% *} is not there"
    fi
  done
}

# check_refusal VARIANT REASON
check_refusal() {
  local said
  if said=$(on_debian spec "$spec$1" 2>&1) || [[ $said != *"$2"* ]]; then
    say "$1 was not refused with '$2': $said"
    exit 1
  fi
}

jobs/setup.sh
on_debian audit packages talus
check_style
say "the recipe is as it should be"
check_refusal "~mpi" "Talus is an MPI program"
check_refusal "+cuda cuda_arch=75" "compute capability 8.0"
check_refusal "+rocm" "no kernels for AMD GPUs yet"
check_refusal "+sycl" "no kernels for Intel GPUs yet"
say "what Talus doesn't have is refused"

on_debian install --jobs "${JOBS:-$(nproc)}" "$@" "$spec${VARIANTS-+examples}"
say "installed"

on_debian test run --fail-first "$spec${VARIANTS-+examples}"
say "all passed"
