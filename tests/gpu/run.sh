#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tries the cuda backend on the GPU of this machine: builds, runs every test that needs a GPU (label
# gpu: the kernels' tests, each operation compared with its emulation), the same kernels under
# compute-sanitizer where that is installed, and the benchmarks: of operations, of a whole model of
# Llama-3.1-8B's shape, and of Hugging Face transformers on the same one, if its Python package is there
# (PYTHON, or python3, has torch and transformers); and writes what came out to a folder, with a table of
# what is wanted of an H200 and what was reached (jobs/bench/gpu/targets.py). Ends with 0 if all that could be run passed. What this needs: nvcc 12.4 or later, and what
# jobs/setup.sh installs.
#
#   tests/gpu/run.sh [--allow-no-gpu] [--build DIR] [--out DIR] [--jobs N] [--rounds N]
#
#   --allow-no-gpu  builds all the same where there is no GPU, and says what is skipped
#   --build DIR     a build folder (build/gpu); one that is configured stays as it is
#   --out DIR       where results go (gpu-results)
#   --jobs N        parallel compilations (all cores)
#   --rounds N      of which medians are told (31)
set -euo pipefail
here=$(pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "tests/gpu/run.sh: $*" >&2; exit 2; }
say() { echo "tests/gpu/run.sh ($SECONDS s): $*"; }

allow_no_gpu=0
build=build/gpu
out=gpu-results
jobs=$(nproc)
rounds=31
while [ $# -gt 0 ]; do
  case $1 in
    --allow-no-gpu) allow_no_gpu=1; shift; continue ;;
    --build | --out | --jobs | --rounds) [ $# -ge 2 ] || fail "$1: no value" ;;
    *) fail "$1 (--allow-no-gpu, --build DIR, --out DIR, --jobs N, --rounds N)" ;;
  esac
  case $1 in
    --build) build=$(realpath -m "$2" --relative-base="$here") ;;
    --out) out=$(realpath -m "$2") ;;
    --jobs) jobs=$2 ;;
    --rounds) rounds=$2 ;;
  esac
  shift 2
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs $jobs (a number from 1 on)"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds $rounds (a number from 1 on)"

gpu=$(nvidia-smi --query-gpu=name,uuid,driver_version,memory.total --format=csv,noheader 2>&1) || gpu=
if [ -z "$gpu" ] && [ $allow_no_gpu -eq 0 ]; then
  fail "no GPU (nvidia-smi finds none; --allow-no-gpu builds and skips what needs one)"
fi
nvcc=${CUDACXX:-$(command -v nvcc || true)}
[ -n "$nvcc" ] || fail "no nvcc (set CUDACXX, or PATH)"

mkdir -p "$out"
{
  echo "date: $(date -u +%FT%TZ)"
  echo "commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
  echo "gpu: ${gpu:-none}"
  echo "nvcc: $("$nvcc" --version | tail -1)"
  echo "compiler: $(${CXX:-c++} --version | head -1)"
  echo "cmake: $(cmake --version | head -1)"
  echo "system: $(uname -srm)"
  echo "compute-sanitizer: $(compute-sanitizer --version 2>/dev/null | tail -1 || echo none)"
} > "$out/versions.txt"
cat "$out/versions.txt"

if [ ! -f "$build/CMakeCache.txt" ]; then
  cmake -S . -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D TALUS_CUDA=ON > "$out/configure.log" ||
    fail "configuring failed (see $out/configure.log)"
fi
cmake --build "$build" --parallel "$jobs" --target talus_gpu_tests talus_gpu_bench talus > "$out/build.log" ||
  fail "the build failed (see $out/build.log)"
say "built"

failed=()
# step NAME COMMAND...: runs it, its output to NAME.log; 77 means that it was skipped.
step() {
  local name=$1 code=0
  shift
  "$@" > "$out/$name.log" 2>&1 || code=$?
  case $code in
    0) say "$name: passed" ;;
    77) say "$name: $(grep -m 1 '^skipped' "$out/$name.log" || echo skipped)" ;;
    *)
      tail -n 15 "$out/$name.log"
      say "$name: FAILED (code $code, $out/$name.log)"
      failed+=("$name")
      ;;
  esac
}

tests() {
  ctest --test-dir "$build" -L '^gpu$' --no-tests=error --output-on-failure --timeout 1800 \
    --output-junit "$out/tests.xml" || return 1
  # CTest calls a run passed whose tests were all skipped.
  grep -q '<testcase .*status="run"' "$out/tests.xml" || { echo "skipped: no GPU"; return 77; }
}

# Few shapes of each operation: under this tool a kernel takes a hundred times as long.
sanitize() {
  local tool=$1 test
  command -v compute-sanitizer > /dev/null || { echo "skipped: no compute-sanitizer"; return 77; }
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  for test in schedules kv_cache rope; do
    compute-sanitizer --tool "$tool" --error-exitcode 9 \
      "$build/bin/test_kernels_cuda_card_$test" || return 1
  done
  compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/bin/test_kernels_cuda_card_matmul" \
    "matmul_heads*,grouped_matmul agrees*,weights set*" || return 1
}

step tests tests
for tool in memcheck racecheck synccheck; do
  step "$tool" sanitize $tool
done
step bench "$build/bin/talus_gpu_bench" all "$out/bench.json" "$rounds"
[ -f "$out/bench.log" ] && cat "$out/bench.log"

# A whole model of random weights, by us and by transformers: batches of as many requests.
shape=jobs/bench/compare/shapes/llama-8b
batches="1 8 64"
lengths=(--input-len 512 --output-len 128)

# latency NAME MATMUL OPTION...: what `talus bench latency` tells, to NAME_MATMUL.json.
latency() {
  local name=$1 matmul=$2
  shift 2
  "$build/bin/talus" bench latency --model $shape --load-format dummy --backend cuda --gpu-matmul "$matmul" \
    --num-iters-warmup 1 --num-iters 5 --output-json "$out/${name}_$matmul.json" "$@"
}

latencies() {
  local matmul=$1 batch
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  for batch in $batches; do
    latency "latency_$batch" "$matmul" --max-model-len 1024 --batch-size "$batch" "${lengths[@]}" || return 1
  done
  for batch in 1 64; do
    latency "published_$batch" "$matmul" --max-model-len 256 --batch-size "$batch" --input-len 128 \
      --output-len 128 || return 1
  done
  latency decode_1 "$matmul" --max-model-len 512 --batch-size 1 --input-len 128 --output-len 256 &&
    latency decode_fp8_1 "$matmul" --max-model-len 512 --batch-size 1 --input-len 128 --output-len 256 \
      --quantization fp8 &&
    latency decode_64 "$matmul" --max-model-len 2176 --batch-size 64 --input-len 2048 --output-len 64 \
      --dummy-prefill &&
    latency prefill_8192 "$matmul" --max-model-len 8256 --batch-size 1 --input-len 8192 --output-len 1 \
      --max-num-batched-tokens 8192
}

# Runs of the same requests, every second one with a trace: their seconds.
trace_cost() {
  local model=$out/model requests=$out/requests.jsonl round kind trace
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  mkdir -p "$model"
  cp jobs/demo/dense/{tokenizer.json,tokenizer_config.json,chat_template.jinja} $shape/config.json "$model"
  for round in $(seq 64); do
    echo "{\"custom_id\": \"$round\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"body\":" \
      "{\"prompt\": [1, 2, 3, 4], \"max_tokens\": 256, \"ignore_eos\": true, \"temperature\": 0}}"
  done > "$requests"
  rm -f "$out"/seconds.{traced,untraced}
  for round in 1 2 3 4 5; do
    for kind in traced untraced; do
      rm -rf "$out/trace"
      trace=()
      [ $kind = untraced ] || trace=(--trace "$out/trace")
      "$build/bin/talus" run --model "$model" --load-format dummy --backend cuda --max-model-len 512 \
        -i "$requests" -o "$out/answers.jsonl" --overwrite \
        "${trace[@]}" 2> "$out/run.$kind.log" || return 1
      sed -n 's/.* tokens in \([0-9.e+-]*\) s: .*/\1/p' "$out/run.$kind.log" >> "$out/seconds.$kind"
    done
  done
  printf '{"traced": [%s], "untraced": [%s]}\n' "$(paste -sd, "$out/seconds.traced")" \
    "$(paste -sd, "$out/seconds.untraced")" > "$out/trace_cost.json"
}

for matmul in own cublaslt; do
  step "latency_$matmul" latencies $matmul
done
step trace_cost trace_cost
step transformers "${PYTHON:-python3}" jobs/bench/gpu/transformers_bench.py --model $shape --rows "${batches// /,}" \
  "${lengths[@]}" --num-iters 5 --output-json "$out/transformers.json"

for matmul in own cublaslt; do
  step "targets_$matmul" "${PYTHON:-python3}" jobs/bench/gpu/targets.py "$out" --matmul $matmul
  cat "$out/targets_$matmul.log"
done

say "results are in $out"
if [ ${#failed[@]} -gt 0 ]; then
  say "FAILED: ${failed[*]}"
  exit 1
fi
if [ -z "$gpu" ]; then
  say "skipped: no GPU; all was built, and nothing of it has been run on a card"
fi
