#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds what tests/gpu/run.sh runs, and packs it with the libraries that it needs, for a machine that has a
# GPU and a driver, but not what a build takes, nor the time for it: of this machine's processor and system, or
# a newer one. There, beside a copy of this repository:
#
#   tar -xf talus-gpu.tar.xz -C /tmp && tests/gpu/run.sh --built /tmp/talus-gpu --seconds 540
#
#   tests/gpu/pack.sh [--build DIR] [--out FILE] [--architectures LIST] [--jobs N]
#
#   --build DIR           a build folder (build/gpu-pack); one that is configured stays as it is
#   --out FILE            the archive (talus-gpu.tar.xz)
#   --architectures LIST  compute capabilities, as CMake has them (90, an H100's and H200's)
#   --jobs N              parallel compilations (all cores)
#
# Kernels for processors are those of every x86-64 that it finds there, none of this machine's alone; so should
# Kokkos be (jobs/setup.sh, KOKKOS_FLAGS=).
set -euo pipefail
here=$(pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "tests/gpu/pack.sh: $*" >&2; exit 2; }

build=build/gpu-pack
out="$here/talus-gpu.tar.xz"
architectures=90
jobs=$(nproc)
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1: no value"
  case $1 in
    --build) build=$(realpath -m "$2" --relative-base="$here") ;;
    --out) out=$(cd "$here" && realpath -m "$2") ;;
    --architectures) architectures=$2 ;;
    --jobs) jobs=$2 ;;
    *) fail "$1 (--build DIR, --out FILE, --architectures LIST, --jobs N)" ;;
  esac
  shift 2
done

if [ ! -f "$build/CMakeCache.txt" ]; then
  cmake -S . -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D TALUS_CUDA=ON -D TALUS_NATIVE=OFF \
    -D "CMAKE_CUDA_ARCHITECTURES=$architectures"
fi
cmake --build "$build" --parallel "$jobs" --target talus_gpu_tests talus_gpu_bench talus

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
pack=$work/talus-gpu
mkdir -p "$pack"/{bin,lib,base,openmpi}
cp "$build"/bin/{test_kernels_cuda_card_*,test_kernels_cuda_default_stream,talus,talus_gpu_bench,libtalus_cuda.so} \
  "$pack/bin"
strip "$pack"/bin/*

# libraries_of FILE...: where what they are linked to is.
libraries_of() { ldd "$@" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u; }

# The system's own libraries are there; the compiler's may be older than this machine's: run.sh tries.
for library in $(libraries_of "$pack"/bin/*); do
  case ${library##*/} in
    libc.so* | libm.so* | libdl.so* | librt.so* | libpthread.so* | libresolv.so* | ld-linux*) ;;
    libstdc++.so* | libgcc_s.so*) cp -L "$library" "$pack/base" ;;
    *) cp -L "$library" "$pack/lib" ;;
  esac
done

# What Open MPI opens when a program of one process begins: beside its library, or some folders below.
mpi=$(libraries_of "$pack/bin/talus" | grep -m 1 '/libmpi\.so') || fail "bin/talus is linked to no libmpi.so"
plugins=$(find "$(dirname "$(realpath "$mpi")")" -maxdepth 4 -name mca_pml_ob1.so -print -quit)
if [ -n "$plugins" ]; then
  cp "$(dirname "$plugins")"/mca_*.so "$pack/openmpi"
elif compgen -G "$pack/lib/libopen-rte.so*" > /dev/null; then
  fail "Open MPI's mca_pml_ob1.so is nowhere below $(dirname "$(realpath "$mpi")")"
else
  rmdir "$pack/openmpi"  # another MPI, or one that has them inside
fi

tar -C "$work" -c talus-gpu | xz -T0 -6 --lzma2=preset=6,dict=64MiB > "$out"
echo "tests/gpu/pack.sh: $(du -h "$out" | cut -f 1) in $out, for $(git describe --always --dirty)"
