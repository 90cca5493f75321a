#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tests/gpu/run.sh with programs that stand in for a card's: a test that fails, one that hangs until time is
# up, a model that only runs without recordings. All else is done and told nevertheless.
#
#   tests/gpu/run_test.sh SOURCE_FOLDER
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{built/bin,path}

# program NAME LINE...: a script.
program() {
  local file=$work/$1
  shift
  printf '%s\n' '#!/bin/bash' "$@" > "$file"
  chmod +x "$file"
}
die() {
  echo "run_test.sh: $*; the report:" >&2
  cat "$work/out/report.txt" >&2
  exit 1
}
# told TEXT: in the report.
told() { grep -qF -e "$1" "$work/out/report.txt" || die "it doesn't tell: $1"; }

program path/nvidia-smi 'case $* in *compute_mode*) echo Default ;; *) echo "a card, 1 GiB" ;; esac'
program path/compute-sanitizer 'while [[ $1 == -* ]]; do [ $1 = --tool ] && tool=$2; shift 2; done' \
  '[ $tool != racecheck ] || exit 9' '"$@"'
for name in card_schedules card_kv_cache card_rope card_matmul card_matmul_leaves card_row_search default_stream; do
  program "built/bin/test_kernels_cuda_$name" 'echo "All tests passed (1 assertion)"'
done
program built/bin/test_kernels_cuda_card_moe 'echo "route_test.cpp:1: FAILED:"; exit 1'
program built/bin/test_kernels_cuda_card_sampling 'sleep 60 & wait'
program built/bin/test_runtime_cuda_ahead 'echo "All tests passed (2 assertions)"'
program built/bin/talus_gpu_bench 'echo "copy 4000 GB/s"'
program built/bin/talus 'file= is_eager=0 is_large=0' 'while [ $# -gt 0 ]; do case $1 in' \
  '  --version) exit 0 ;; --output-json) file=$2 ;; --enforce-eager) is_eager=1 ;;' \
  '  --dummy-prefill) is_large=1 ;; esac; shift; done' \
  '[ $is_large = 0 ] || [ $is_eager = 1 ] || { echo "cudaErrorStreamCaptureInvalidated"; exit 1; }' \
  '[ -z "$file" ] || echo "{}" > "$file"'

code=0
TALUS_GPU_TEST_SECONDS=5 PYTHON=no-python PATH=$work/path:$PATH \
  bash "$1/tests/gpu/run.sh" --built "$work/built" --out "$work/out" --seconds 100 > "$work/log" 2>&1 || code=$?
[ $code -eq 1 ] || die "it ends with $code: $(tail -n 3 "$work/log")"
told "card_rope: code 0"
told "card_moe: code 1"
told "route_test.cpp:1: FAILED:"
told "card_sampling: code 124"
told "copy 4000 GB/s"
told "decode_1_own: passed"
told "cudaErrorStreamCaptureInvalidated"
told "decode_64_own: FAILED (code 1"
told "models: passed"
told "memcheck: passed"
told "racecheck: FAILED (code 1"
told "synccheck: passed"
told "FAILED: tests decode_64_own decode_64_cublaslt racecheck"
[ -f "$work/out/decode_1_own.json" ] || die "no result of decode_1"
[ -f "$work/out/eager_decode_64_own.json" ] || die "decode_64 wasn't tried without recordings"
[ ! -f "$work/out/decode_64_own.json" ] || die "what failed has a result"

# When time is up, what is under way is ended, and what isn't begun is told.
program built/bin/talus_gpu_bench 'sleep 60 & wait'
rm "$work"/built/bin/test_kernels_cuda_card_{moe,sampling}
code=0
PYTHON=no-python PATH=$work/path:$PATH \
  bash "$1/tests/gpu/run.sh" --built "$work/built" --out "$work/out" --seconds 15 > "$work/log" 2>&1 || code=$?
[ $code -eq 1 ] || die "out of time, it ends with $code"
told "tests: passed"
told "bench: FAILED (code 124: out of time"
told "not begun in 15 s: decode_1_own"
