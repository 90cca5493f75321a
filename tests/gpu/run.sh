#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tries the cuda backend on the GPU of this machine: builds, runs every test that needs a GPU (the kernels'
# tests, each operation compared with its emulation; whole models, where it was built here), the benchmarks:
# of operations, of a whole model of Llama-3.1-8B's shape, and of Hugging Face transformers on the same one, if
# its Python package is there (PYTHON, or python3, has torch and transformers); and some kernels under
# compute-sanitizer where that is installed. What came out is written to a folder as it comes, with a table of
# what is wanted of an H200 and what was reached (jobs/bench/gpu/targets.py). What is wanted most comes first;
# each part has a limit of time, and one that fails leaves the others be. Ends with 0 if all that could be run
# passed. What this needs: nvcc 12.4 or later, and what jobs/setup.sh installs; or, with --built, nothing but a
# driver.
#
#   tests/gpu/run.sh [--allow-no-gpu] [--build DIR | --built DIR] [--out DIR] [--jobs N] [--rounds N]
#                    [--seconds N]
#
#   --allow-no-gpu  builds all the same where there is no GPU, and says what is skipped
#   --build DIR     a build folder (build/gpu); one that is configured stays as it is
#   --built DIR     what tests/gpu/pack.sh made, unpacked, or a build folder: nothing is built
#   --out DIR       where results go (gpu-results): report.txt tells of all
#   --jobs N        parallel compilations, and tests (all cores)
#   --rounds N      of which medians are told (31)
#   --seconds N     parts that would begin later are left out, as is what is under way then (0: all is done)
set -euo pipefail
here=$(pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() { echo "tests/gpu/run.sh: $*" >&2; exit 2; }

allow_no_gpu=0
build=build/gpu
built=
out="gpu-results"
jobs=$(nproc)
rounds=31
seconds=0
while [ $# -gt 0 ]; do
  case $1 in
    --allow-no-gpu) allow_no_gpu=1; shift; continue ;;
    --build | --built | --out | --jobs | --rounds | --seconds) [ $# -ge 2 ] || fail "$1: no value" ;;
    *) fail "$1 (--allow-no-gpu, --build DIR, --built DIR, --out DIR, --jobs N, --rounds N, --seconds N)" ;;
  esac
  case $1 in
    --build) build=$(realpath -m "$2" --relative-base="$here") ;;
    --built) built=$(cd "$here" && realpath "$2") ;;
    --out) out=$(cd "$here" && realpath -m "$2") ;;
    --jobs) jobs=$2 ;;
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
  esac
  shift 2
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs $jobs (a number from 1 on)"
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "--rounds $rounds (a number from 1 on)"
[[ $seconds =~ ^[0-9]+$ ]] || fail "--seconds $seconds (a number from 0 on)"
say() { echo "tests/gpu/run.sh ($SECONDS s): $*" | tee -a "$out/report.txt"; }

# The driver's own list tells of a GPU where its tool isn't.
gpu=$(nvidia-smi --query-gpu=name,uuid,driver_version,memory.total --format=csv,noheader 2> /dev/null) ||
  gpu=$(cat /proc/driver/nvidia/gpus/*/information 2> /dev/null | sed -n 's/^Model: *//p') || gpu=
if [ -z "$gpu" ] && [ $allow_no_gpu -eq 0 ]; then
  fail "no GPU (nvidia-smi finds none; --allow-no-gpu builds and skips what needs one)"
fi
nvcc=${CUDACXX:-$(command -v nvcc || true)}
[ -n "$nvcc" ] || [ -n "$built" ] || fail "no nvcc (set CUDACXX, or PATH)"
python=${PYTHON:-python3}

mkdir -p "$out"
out=$(realpath "$out")
: > "$out/report.txt"
{
  echo "date: $(date -u +%FT%TZ)"
  echo "commit: $(git describe --always --dirty 2>/dev/null || echo unknown)"
  echo "gpu: ${gpu:-none}"
  echo "nvcc: $([ -n "$nvcc" ] && "$nvcc" --version | tail -1 || echo none)"
  echo "compiler: $(${CXX:-c++} --version 2> /dev/null | head -1 || echo none)"
  echo "cmake: $(cmake --version 2> /dev/null | head -1 || echo none)"
  echo "system: $(uname -srm), $(nproc) cores"
} > "$out/versions.txt"
tee -a "$out/report.txt" < "$out/versions.txt"

if [ -z "$built" ]; then
  if [ ! -f "$build/CMakeCache.txt" ]; then
    cmake -S . -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Release -D TALUS_CUDA=ON > "$out/configure.log" ||
      fail "configuring failed (see $out/configure.log)"
  fi
  cmake --build "$build" --parallel "$jobs" --target talus_gpu_tests talus_gpu_bench talus > "$out/build.log" ||
    fail "the build failed (see $out/build.log)"
  say "built"
  built=$(realpath "$build")
fi
bin=$built/bin
[ -x "$bin/talus" ] || fail "$built: no bin/talus (pack.sh makes one, or a build)"

# Where libraries may be that are looked for at run time: the toolkit's, and those of Python's packages.
library_folders() {
  local folder
  for folder in "${nvcc:+$(dirname "$nvcc")/../lib64}" /usr/local/cuda/lib64 \
    $("$python" -c 'import glob, sysconfig
print(*glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/*/lib"))' 2> /dev/null || true); do
    if compgen -G "$folder/libcublasLt.so.1[23]" > /dev/null || compgen -G "$folder/libnccl.so.2" > /dev/null; then
      echo -n ":$folder"
    fi
  done
}

# ours PROGRAM...: with the libraries that it was packed with, and alone, as MPI sees it.
ours_path="$([ -d "$built/lib" ] && echo "$built/lib:")${LD_LIBRARY_PATH:-}$(library_folders)"
ours() {
  if [ -d "$built/openmpi" ]; then
    LD_LIBRARY_PATH=$ours_path OMPI_MCA_mca_base_component_path=$built/openmpi OMPI_MCA_ess_singleton_isolated=1 \
      OMPI_MCA_mca_base_component_show_load_errors=0 OMPI_MCA_pml=ob1 OMPI_MCA_btl=self "$@"
  else
    LD_LIBRARY_PATH=$ours_path "$@"
  fi
}
if ! ours "$bin/talus" --version > "$out/version.log" 2>&1 && [ -d "$built/base" ]; then
  ours_path=$built/base:$ours_path  # this machine's C++ library is older than that of the build
fi
ours "$bin/talus" --version > "$out/version.log" 2>&1 || fail "$bin/talus doesn't start: $(tail -1 "$out/version.log")"
PATH=$PATH:${nvcc:+$(dirname "$nvcc"):}/usr/local/cuda/bin
export built bin out gpu rounds jobs ours_path PATH

failed=()
undone=()
# step NAME SECONDS COMMAND...: runs it, its output to NAME.log; 77 means that it was skipped. Commands are
# programs, or functions that are exported.
step() {
  local name=$1 limit=$2 code=0 began=$SECONDS
  local left=$((seconds > 0 ? seconds - SECONDS : limit))
  shift 2
  if [ $left -lt 10 ]; then
    undone+=("$name")
    return
  fi
  timeout -k 10 $((limit < left ? limit : left)) bash -c '"$@"' "$name" "$@" > "$out/$name.log" 2>&1 || code=$?
  case $code in
    0) say "$name: passed in $((SECONDS - began)) s" ;;
    77) say "$name: $(grep -m 1 '^skipped' "$out/$name.log" || echo skipped)" ;;
    *)
      tail -n "$([ "$name" = tests ] && echo 200 || echo 15)" "$out/$name.log" | tee -a "$out/report.txt"
      [ $code -ne 124 ] && [ $code -ne 137 ] || code="$code: out of time"
      say "$name: FAILED (code $code, $out/$name.log)"
      failed+=("$name")
      ;;
  esac
}

# one_test PROGRAM: its output to a file; tells how it went.
one_test() {
  local code=0 name=${1##*/test_} began=$SECONDS
  name=${name#kernels_cuda_}
  ours timeout -k 5 "${TALUS_GPU_TEST_SECONDS:-240}" "$1" > "$out/tests/$name.log" 2>&1 || code=$?
  echo "$name: code $code after $((SECONDS - began)) s, $(grep -am 1 '^skipped\|^All tests\|^test cases:' \
    "$out/tests/$name.log" || echo 'no summary')"
  [ $code -eq 0 ] || [ $code -eq 77 ] || grep -a -m 12 -A 4 'FAILED:\|^due to\|is not the emulation' "$out/tests/$name.log"
  echo $code > "$out/tests/$name.code"
}

# run_tests AT_A_TIME PROGRAM...: 77 if all were skipped.
run_tests() {
  local at_a_time=$1
  shift
  mkdir -p "$out/tests"
  rm -f "$out"/tests/*.code
  printf '%s\0' "$@" | xargs -0 -P "$at_a_time" -n 1 bash -c 'one_test "$1"' test
  ! grep -qxv '0\|77' "$out"/tests/*.code || return 1
  grep -qx 0 "$out"/tests/*.code || { echo "skipped: no GPU"; return 77; }
}

# All, those that take longest first.
tests() {
  local at_a_time=$jobs name names=()
  [ "$(nvidia-smi --query-gpu=compute_mode --format=csv,noheader 2> /dev/null | sort -u)" = Default ] || at_a_time=1
  for name in "$bin"/test_kernels_cuda_card_{tile_attention_codes,tile_attention,sampling,attention,*}; do
    [ -x "$name" ] || continue
    name=${name##*/test_kernels_cuda_}
    [[ " ${names[*]} " == *" $name "* ]] || names+=("$name")
  done
  names+=(default_stream)
  run_tests $((at_a_time < 8 ? at_a_time : 8)) "${names[@]/#/$bin/test_kernels_cuda_}"
}

# Whole models against what transformers gave, in every layout of a rank, recorded, and with steps planned
# ahead.
models() {
  local programs=("$bin"/test_runtime_cuda_*)
  [ -x "${programs[0]}" ] || { echo "skipped: not packed (they read tests/data where they were built)"; return 77; }
  run_tests $((jobs < 4 ? jobs : 4)) "${programs[@]}"
}

# The same models cut over ranks that share the card, which reach each other's memory there.
ranks() {
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  [ -x "$bin/test_runtime_cuda_layouts" ] || { echo "skipped: not packed"; return 77; }
  command -v mpiexec > /dev/null || { echo "skipped: no mpiexec"; return 77; }
  local number
  for number in 2 4; do
    ours timeout -k 5 240 mpiexec -n $number "$bin/test_runtime_cuda_layouts" || return 1
  done
}

# The same where a use of CUDA's default stream is an error.
streams() {
  export TALUS_FORBID_DEFAULT_STREAM=1
  local names=(default_stream card_kv_cache card_matmul_leaves card_row_search)
  run_tests 1 "${names[@]/#/$bin/test_kernels_cuda_}"
}

# Few shapes of each operation: under this tool a kernel takes a hundred times as long.
sanitize() {
  local tool=$1 test
  command -v compute-sanitizer > /dev/null || { echo "skipped: no compute-sanitizer"; return 77; }
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  for test in schedules kv_cache rope; do
    ours compute-sanitizer --tool "$tool" --error-exitcode 9 "$bin/test_kernels_cuda_card_$test" || return 1
  done
  ours compute-sanitizer --tool "$tool" --error-exitcode 9 "$bin/test_kernels_cuda_card_matmul" \
    "matmul_heads*,grouped_matmul agrees*,weights set*" || return 1
}

operations() { ours "$bin/talus_gpu_bench" all "$out/bench.json" "$rounds"; }

# The demonstration's models: what a card answers may not depend on how requests are batched, cut into steps
# and recorded; and how many answers are right.
answers() {
  local model code=0 files
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  [ -n "$python" ] || { echo "skipped: no Python"; return 77; }
  head -n "${problems:-200}" jobs/demo/problems.jsonl |
    sed 's/"max_completion_tokens"/"temperature": 0, "logprobs": true, &/' > "$out/problems.jsonl"
  head -n "${problems:-200}" jobs/demo/answers.jsonl > "$out/right_answers.jsonl"
  head -n 12 "$out/problems.jsonl" > "$out/few_problems.jsonl"
  # ask KIND REQUESTS OPTION...: answers to KIND_MODEL.jsonl, which is added to files.
  ask() {
    local file=$out/$1_$model.jsonl requests=$out/$2.jsonl
    shift 2
    if ours "$bin/talus" run --model "jobs/demo/$model" -i "$requests" -o "$file" --overwrite "$@" \
      > "$out/ask.log" 2>&1; then
      grep ' answers and ' "$out/ask.log"
      files+=("$file")
    else
      tail -n 3 "$out/ask.log"
      code=1
    fi
  }
  for model in dense moe; do
    files=()
    ask card problems --backend cuda
    ask eager problems --backend cuda --enforce-eager
    ask chunked problems --backend cuda --max-num-batched-tokens 64 --max-num-seqs 13
    ask alone few_problems --backend cuda --max-num-seqs 1
    ask host problems
    [ ${#files[@]} -gt 2 ] || { code=1; continue; }
    "$python" jobs/demo/score.py --output "${files[0]}" --problems "$out/problems.jsonl" \
      --answers "$out/right_answers.jsonl" | tail -n 1
    "$python" tests/gpu/same_answers.py "${files[@]:0:${#files[@]}-1}" --near "${files[-1]}" || code=1
  done
  return $code
}

# A whole model of random weights, by us and by transformers: batches of as many requests.
shape=jobs/bench/compare/shapes/llama-8b
export shape

# latency NAME MATMUL OPTION...: what `talus bench latency` tells, to NAME_MATMUL.json. Where it fails, it is
# tried without recordings, too: what that tells goes elsewhere.
latency() {
  local name=$1 matmul=$2
  shift 2
  [ -n "$gpu" ] || { echo "skipped: no GPU"; return 77; }
  local command=("$bin/talus" bench latency --model "$shape" --load-format dummy --backend cuda
    --gpu-matmul "$matmul" --num-iters-warmup 1 --num-iters 5 "$@")
  ours "${command[@]}" --output-json "$out/${name}_$matmul.json" && return
  echo "failed with code $?; the same with --enforce-eager:"
  ours "${command[@]}" --enforce-eager --output-json "$out/eager_${name}_$matmul.json"
  return 1
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
  for round in 1 2 3; do
    for kind in traced untraced; do
      rm -rf "$out/trace"
      trace=()
      [ $kind = untraced ] || trace=(--trace "$out/trace")
      ours "$bin/talus" run --model "$model" --load-format dummy --backend cuda --max-model-len 512 \
        -i "$requests" -o "$out/answers.jsonl" --overwrite \
        "${trace[@]}" 2> "$out/run.$kind.log" || return 1
      sed -n 's/.* tokens in \([0-9.e+-]*\) s: .*/\1/p' "$out/run.$kind.log" >> "$out/seconds.$kind"
    done
  done
  printf '{"traced": [%s], "untraced": [%s]}\n' "$(paste -sd, "$out/seconds.traced")" \
    "$(paste -sd, "$out/seconds.untraced")" > "$out/trace_cost.json"
}

targets() { "$python" jobs/bench/gpu/targets.py "$out" --matmul "$1"; }

python=$(command -v "$python" || true)
export python
export -f answers models ours one_test ranks run_tests tests streams sanitize operations latency trace_cost targets

tell_targets() {
  local matmul
  for matmul in "$@"; do
    [ -z "$python" ] || [ -z "$gpu" ] || step "targets_$matmul" 30 targets "$matmul"
    [ ! -f "$out/targets_$matmul.log" ] || tee -a "$out/report.txt" < "$out/targets_$matmul.log"
  done
}

# one_latency NAME MATMUL OPTION...: a step of its own.
one_latency() { step "$1_$2" 150 latency "$@"; }

# What is wanted most.
step tests 300 tests
step answers 120 answers
[ ! -f "$out/answers.log" ] || tee -a "$out/report.txt" < "$out/answers.log"
step bench 150 operations
[ ! -f "$out/bench.log" ] || tee -a "$out/report.txt" < "$out/bench.log"
for matmul in own cublaslt; do
  one_latency decode_1 $matmul --max-model-len 512 --batch-size 1 --input-len 128 --output-len 256
  one_latency prefill_8192 $matmul --max-model-len 8256 --batch-size 1 --input-len 8192 --output-len 1 \
    --max-num-batched-tokens 8192
  one_latency decode_64 $matmul --max-model-len 2176 --batch-size 64 --input-len 2048 --output-len 64 --dummy-prefill
done
tell_targets own cublaslt
step models 300 models
step memcheck 150 sanitize memcheck
one_latency decode_fp8_1 own --max-model-len 512 --batch-size 1 --input-len 128 --output-len 256 --quantization fp8
step streams 150 streams

# The rest.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
step ranks 500 ranks
lengths=(--input-len 512 --output-len 128)
batches="1 8 64"
for matmul in own cublaslt; do
  for batch in $batches; do
    one_latency "latency_$batch" $matmul --max-model-len 1024 --batch-size "$batch" "${lengths[@]}"
  done
  for batch in 1 64; do
    one_latency "published_$batch" $matmul --max-model-len 256 --batch-size "$batch" --input-len 128 --output-len 128
  done
done
one_latency decode_fp8_1 cublaslt --max-model-len 512 --batch-size 1 --input-len 128 --output-len 256 \
  --quantization fp8
if [ -n "$python" ]; then
  step transformers 400 "$python" jobs/bench/gpu/transformers_bench.py --model $shape --rows "${batches// /,}" \
    "${lengths[@]}" --num-iters 5 --output-json "$out/transformers.json"
fi
step trace_cost 400 trace_cost
for tool in racecheck synccheck; do
  step $tool 300 sanitize $tool
done
tell_targets own cublaslt

say "results are in $out"
[ ${#undone[@]} -eq 0 ] || say "not begun in $seconds s: ${undone[*]}"
if [ ${#failed[@]} -gt 0 ]; then
  say "FAILED: ${failed[*]}"
  exit 1
fi
if [ -z "$gpu" ]; then
  say "skipped: no GPU; all was built, and nothing of it has been run on a card"
fi
