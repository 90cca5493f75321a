#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   command_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# The talus command from end to end. A case is one of the functions case_* below.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

case_help() {
  # With this Open MPI has no way to send, so that who starts MPI fails; others don't look.
  local away=(env OMPI_MCA_pml=none_such timeout 20)
  expect 0 "run" "${away[@]}" "$talus" --help
  expect 0 "--tensor-parallel-size" "${away[@]}" "$talus" run --help
  expect 0 "talus " "${away[@]}" "$talus" --version
  [ "$(on 3 "$talus" --version | wc -l)" -eq 1 ] || fail "each rank tells its version"
}

case_refused() {
  head -n 3 "$problems" > in.jsonl
  echo old > old.jsonl
  ln -s in.jsonl link.jsonl
  echo 'no_such_flag: 3' > bad.yaml
  local run=("$talus" run --threads 1)
  local dense=("${run[@]}" --model "$demo/dense" -i in.jsonl)
  expect 2 "--frobnicate" "${dense[@]}" -o out.jsonl --frobnicate
  expect 2 "--help" "$talus"
  expect 2 "--model: missing" "${run[@]}" -i in.jsonl -o out.jsonl
  expect 2 "nowhere" "${run[@]}" --model nowhere -i in.jsonl -o out.jsonl
  expect 2 "--input-file: missing" "${run[@]}" --model "$demo/dense" -o out.jsonl
  expect 2 "absent.jsonl" "${run[@]}" --model "$demo/dense" -i absent.jsonl -o out.jsonl
  expect 2 "--output-file: missing" "${dense[@]}"
  expect 2 "--overwrite" "${dense[@]}" -o old.jsonl
  expect 2 "in.jsonl" "${dense[@]}" -o in.jsonl --overwrite
  expect 2 "link.jsonl" "${dense[@]}" -o link.jsonl --overwrite
  expect 2 "absent/out.jsonl" "${dense[@]}" -o absent/out.jsonl
  expect 2 "bad.yaml, line 1: no-such-flag" "${dense[@]}" -o out.jsonl --config bad.yaml
  printf 'max_num_seqs: [1, 2]\n' > list.yaml
  expect 2 "list.yaml, line 1: max-num-seqs" "${dense[@]}" -o out.jsonl --config list.yaml
  printf 'overwrite: maybe\n' > flag.yaml
  expect 2 "flag.yaml, line 1" "${dense[@]}" -o out.jsonl --config flag.yaml
  expect 2 "float32, bfloat16" "${dense[@]}" -o out.jsonl --dtype int3
  expect 2 "reference" "${dense[@]}" -o out.jsonl --backend abacus
  # With a GPU it may run.
  command -v nvidia-smi > /dev/null ||
    expect 2 "backend: cuda (" "${dense[@]}" -o out.jsonl --backend cuda
  expect 2 "--comm nccl: the backend reference has no GPUs" \
    "${dense[@]}" -o out.jsonl --backend reference --comm nccl
  expect 2 "--gpu-matmul cublaslt: the backend reference has no GPUs" \
    "${dense[@]}" -o out.jsonl --backend reference --gpu-matmul cublaslt
  expect 2 "own, cublaslt" "${dense[@]}" -o out.jsonl --gpu-matmul cutlass
  expect 2 "expected, reserve, eager" "${dense[@]}" -o out.jsonl --kv-admission greedy
  expect 2 "--max-num-seqs" "${dense[@]}" -o out.jsonl --max-num-seqs 0
  expect 2 "--block-size" "${dense[@]}" -o out.jsonl --block-size 7
  expect 2 "--hang-timeout: soon (allowed: seconds" "${dense[@]}" -o out.jsonl --hang-timeout soon
  expect 2 "--hang-timeout: 0.5 (allowed: seconds" "${dense[@]}" -o out.jsonl --hang-timeout 0.5
  expect 2 "allowed: error" env TALUS_LOG=loud "${dense[@]}" -o out.jsonl
  [ ! -e out.jsonl ] || fail "a run that was refused wrote an output"
  [ "$(cat old.jsonl)" = old ] || fail "a run that was refused touched the output"
  cmp -s in.jsonl <(head -n 3 "$problems") || fail "a run that was refused touched the input"
}

case_config_keys() {
  head -n 3 "$problems" > in.jsonl
  printf '? [a, b]\n: 3\n' > keys.yaml
  expect 2 "keys.yaml" demo 0 dense in.jsonl out.jsonl --config keys.yaml
}

case_refused_grids() {
  head -n 3 "$problems" > in.jsonl
  local dense=("$talus" run --threads 1 --model "$demo/dense" -i in.jsonl -o out.jsonl)
  expect 2 "2*2*1 = 4" on 2 "${dense[@]}" -dp 2 -tp 2
  expect 2 "1, 2, 4 would do" on 3 "${dense[@]}" -tp 3
  expect 2 "ep = 3" on 2 "${dense[@]}" -ep 3
  expect 2 "absent/out.jsonl" demo 2 dense in.jsonl absent/out.jsonl
  [ "$(grep -c '^talus' log)" -eq 1 ] || fail "more than one rank told of the refusal"
  [ ! -e out.jsonl ] || fail "a run that was refused wrote an output"
}

# A checkpoint that isn't what its config says is refused by one rank, and nobody hangs.
case_damaged() {
  head -n 3 "$problems" > in.jsonl
  local bad=("$talus" run --threads 1 --model model -i in.jsonl -o out.jsonl)
  damage() { # FILE PYTHON: the demo model, changed by a program that has `data`
    rm -rf model && cp -r "$demo/dense" model && chmod -R u+w model
    /usr/bin/python3 -c "
data = bytearray(open('model/$1', 'rb').read())
$2
open('model/$1', 'wb').write(data)"
  }
  damage model.safetensors 'del data[1000000:]'
  expect 2 "truncated" on 3 "${bad[@]}"
  damage model.safetensors 'data[-100:] = bytes([255]) * 100'
  expect 2 "NaN" on 3 "${bad[@]}"
  damage config.json 'data = data.replace(b"layers\": 4", b"layers\": 5")'
  expect 2 "model.layers.4." on 3 "${bad[@]}"
  damage config.json 'del data[100:]'
  expect 2 "config.json" on 3 "${bad[@]}"
  damage tokenizer.json 'del data[5000:]'
  expect 2 "tokenizer.json" on 3 "${bad[@]}"
  [ ! -e out.jsonl ] || fail "a run that was refused wrote an output"
  [ "$(grep -c '^talus' log)" -eq 1 ] || fail "more than one rank told of the refusal"
}

case_full_disk() {
  [ -c /dev/full ] || return 77
  ln -s /dev/full full.jsonl
  expect 1 "full.jsonl" demo 2 dense "$problems" full.jsonl --overwrite
}

case_config() {
  head -n 3 "$problems" > in.jsonl
  printf 'max_model_len: 256\nserved-model-name: named\nmax-num-seqs: 3\n' > run.yaml
  local dense=("$talus" run --threads 1 --model "$demo/dense" -i in.jsonl -o out.jsonl)
  expect 0 "Maximum concurrency for 256 tokens" "${dense[@]}" --config run.yaml --dry-run
  expect 0 "Maximum concurrency for 128 tokens" \
    "${dense[@]}" --config run.yaml --dry-run --max-model-len 128
  expect 0 "KV cache size: " "${dense[@]}" --dry-run
  expect 0 "(auto: the fastest of this processor)" "${dense[@]}" --dry-run
  expect 0 "dp 2 x pp 1 x tp 1" on 2 "${dense[@]}" --dry-run
  [ ! -e out.jsonl ] || fail "--dry-run wrote an output"
  expect 0 "3 answers" "${dense[@]}" --config run.yaml
  [ "$(grep -c '"model":"named"' out.jsonl)" -eq 3 ] || fail "served-model-name of the file"
}

case_bad_lines() {
  answers make mixed - > in.jsonl
  expect 0 "7 answers and 5 errors" demo 0 dense in.jsonl one.jsonl
  answers check mixed one.jsonl
  expect 0 "7 answers and 5 errors" demo 3 dense in.jsonl three.jsonl
  answers check mixed three.jsonl
  : > empty.jsonl
  expect 0 "0 answers" demo 2 dense empty.jsonl none.jsonl
  [ -f none.jsonl ] && [ ! -s none.jsonl ] || fail "no empty output for an empty input"
}

case_features() {
  answers make features - > in.jsonl
  expect 0 "7 answers and 0 errors" demo 0 dense in.jsonl one.jsonl
  answers check features one.jsonl
  # As a pipe, on another grid, with as little memory as can be: the same answers.
  demo 4 dense - four.jsonl -dp 2 -tp 2 --max-num-seqs 2 < in.jsonl \
    2> log || fail "standard input"
  answers equal one.jsonl four.jsonl
}

case_grids() {
  local model
  head -n 40 "$problems" > in.jsonl
  for model in dense moe; do
    expect 0 "40 answers and 0 errors" demo 0 $model in.jsonl $model-1.jsonl
    expect 0 "40 answers and 0 errors" demo 4 $model in.jsonl $model-4.jsonl -dp 2 -tp 2
    answers equal $model-1.jsonl $model-4.jsonl
  done
  expect 0 "40 answers and 0 errors" demo 4 moe in.jsonl moe-ep.jsonl -dp 2 -tp 2 -ep 4
  expect 0 "40 answers and 0 errors" demo 8 moe in.jsonl moe-8.jsonl -dp 2 -tp 2 -pp 2 -ep 4
  answers equal moe-1.jsonl moe-ep.jsonl moe-8.jsonl
}

# Little memory, another admission, small steps: preempted requests get the same answers.
case_preempted() {
  head -n 24 "$problems" > in.jsonl
  expect 0 "24 answers and 0 errors" demo 0 dense in.jsonl roomy.jsonl
  expect 0 "24 answers and 0 errors" demo 2 dense in.jsonl tight.jsonl -tp 2 --max-model-len 256 \
    --num-gpu-blocks-override 16 --kv-admission eager --max-num-batched-tokens 24
  answers equal roomy.jsonl tight.jsonl
  grep -q '"preemptions":[1-9]' tight.jsonl || fail "nothing was preempted"
  expect 0 "24 answers and 0 errors" demo 0 dense in.jsonl reserved.jsonl --max-model-len 256 \
    --num-gpu-blocks-override 16 --kv-admission reserve
  ! grep -q '"preemptions":[1-9]' reserved.jsonl || fail "preempted in spite of reserve"
  answers equal roomy.jsonl reserved.jsonl
}

case_greedy() {
  local model
  answers make greedy "$problems" > in.jsonl
  for model in dense moe; do
    expect 0 "64 answers and 0 errors" demo 2 $model in.jsonl $model.jsonl --dtype float32
    answers greedy $model.jsonl "$source/tests/data/demo/${model}_greedy.jsonl"
  done
}

case_options() {
  local expected=$source/tests/data/options/dense.jsonl options=(/usr/bin/python3 "$here/options.py")
  "${options[@]}" make golden "$expected" > golden.jsonl || fail "make golden"
  expect 0 " and 0 errors" demo 2 dense golden.jsonl golden-2.jsonl --dtype float32
  "${options[@]}" check golden golden-2.jsonl "$expected" || fail "check golden"

  "${options[@]}" make more "$problems" > in.jsonl || fail "make more"
  expect 0 "29 answers and 3 errors" demo 0 dense in.jsonl one.jsonl
  "${options[@]}" check more one.jsonl || fail "check more"
  expect 0 "29 answers and 3 errors" demo 2 dense in.jsonl two.jsonl -tp 2 --max-num-seqs 3
  expect 0 "29 answers and 3 errors" demo 3 dense in.jsonl three.jsonl -pp 3
  expect 0 "29 answers and 3 errors" demo 4 dense in.jsonl four.jsonl -dp 2 -tp 2
  expect 0 "29 answers and 3 errors" demo 4 dense in.jsonl mixed.jsonl -tp 2 -pp 2 \
    --num-gpu-blocks-override 40 --kv-admission eager --max-num-batched-tokens 40
  answers equal one.jsonl two.jsonl three.jsonl four.jsonl mixed.jsonl

  expect 0 "29 answers and 3 errors" demo 0 dense in.jsonl parsed.jsonl --reasoning-parser qwen3
  "${options[@]}" check parsed parsed.jsonl one.jsonl || fail "check parsed"
}

case_text() {
  printf '%s\n' '"What is 853 + 974?"' '"a \"quoted\" word\n and a second line"' > texts.jsonl
  "$talus" tokenize --model "$demo/dense" < texts.jsonl > ids.jsonl || fail tokenize
  grep -q '^\[' ids.jsonl || fail "no arrays of ids"
  "$talus" detokenize --model "$demo/dense" < ids.jsonl > back.jsonl || fail detokenize
  cmp texts.jsonl back.jsonl || fail "detokenize is not the reverse of tokenize"
  on 3 "$talus" tokenize --model "$demo/dense" < texts.jsonl | cmp - ids.jsonl ||
    fail "three ranks tokenize otherwise than one"

  echo '{"messages": [{"role": "user", "content": "Hi"}]}' > body.jsonl
  "$talus" render --model "$demo/dense" < body.jsonl > prompt.jsonl || fail render
  grep -qF '"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"' prompt.jsonl ||
    fail "render: $(cat prompt.jsonl)"

  "$talus" inspect "$demo/moe" --json > inspect.json || fail inspect
  /usr/bin/python3 - inspect.json << 'CHECK' || fail "inspect --json: $(cat inspect.json)"
import json, sys
told = json.load(open(sys.argv[1], encoding="utf-8"))
assert told["family"] == "deepseek_v3" and told["layers"] == 4
assert told["kv_bytes_per_token"] == 4 * (32 + 16) * 2
assert told["missing"] == [] and told["unknown"] == []
assert sum(told["bytes_by_dtype"].values()) > told["parameters"]["total"]
CHECK
  expect 2 "nowhere" "$talus" inspect nowhere
  expect 2 "--model" "$talus" tokenize
}

case_verify() {
  expect 0 "dp" on 4 "$talus" verify --model "$source/tests/data/models/deepseek_v3" --threads 1 \
    --num-requests 4 --longest-prompt 24 --max-tokens 6
  [ "$(grep -c '^tokens' log)" -gt 10 ] || fail "hardly any layout was compared"
  ! grep -q DIFFERS log || fail "bits differ, and the exit code says nothing"
  [ "$(grep '^tokens' log | cut -d ' ' -f 1-5 | sort -u | wc -l)" -eq 1 ] || fail "hashes differ"
}

case_quantize() {
  local models=$source/tests/data/models
  expect 0 "KL divergence" "$talus" quantize --check --model "$models/llama3_bf16" --threads 1 \
    --quantization int4-g32 --kv-cache-dtype int8 --num-prompts 1 --prompt-tokens 32
  grep -q "quantised to int4-g32" log || fail "the weights' format is not told"
  grep -q "KV cache     int8" log || fail "the KV cache's type is not told"
  expect 0 '"kv_cache_dtype": "float8_e4m3"' "$talus" quantize --check --json --threads 1 \
    --model "$models/deepseek_v3" --kv-cache-dtype fp8 --num-prompts 1 --prompt-tokens 32
  expect 2 "nothing would be quantised" "$talus" quantize --check --model "$models/llama3" --threads 1
  expect 2 "--check" "$talus" quantize --model "$models/llama3" --quantization int8
  expect 2 "--kv-cache-dtype: int7 (allowed: auto, float32" demo 1 dense "$problems" out.jsonl \
    --kv-cache-dtype int7

  # Answers of the demo model from a cache of a quarter the size, the same on one rank and on two.
  head -n 20 "$problems" > in.jsonl
  expect 0 "in int8" demo 1 dense in.jsonl one.jsonl --kv-cache-dtype int8
  expect 0 "20 answers" demo 2 dense in.jsonl two.jsonl --kv-cache-dtype int8 -tp 2
  answers equal one.jsonl two.jsonl
}

# A folder of packed weights is a model by itself, for any number of replicas.
case_shard() {
  head -n 12 "$problems" > in.jsonl
  local shard=("$talus" shard --threads 1 --model "$demo/moe")
  expect 0 "wrote 4 files" on 2 "${shard[@]}" -o packed -tp 2
  expect 2 "exists already" on 2 "${shard[@]}" -o packed -tp 2
  expect 2 "--output: missing" "${shard[@]}"
  expect 2 "absent/out" "${shard[@]}" -o absent/out
  expect 0 "packed       by talus" "$talus" inspect packed
  "$talus" inspect packed --json | grep -q '"tensor_parallel_size": 2' || fail "inspect --json"

  expect 0 "12 answers and 0 errors" demo 0 moe in.jsonl one.jsonl \
    --served-model-name packed
  local run=("$talus" run --threads 1 --model packed -i in.jsonl)
  expect 0 "1.000 per byte of the packed weights" on 4 "${run[@]}" -o four.jsonl
  expect 0 "12 answers and 0 errors" on 2 "${run[@]}" -o two.jsonl --load-format sharded
  answers equal one.jsonl two.jsonl four.jsonl
  expect 2 "--tensor-parallel-size: 1" "${run[@]}" -o no.jsonl -tp 1
  expect 2 "tp" "${run[@]}" -o no.jsonl
  expect 0 "dp 1 pp 1 tp 2" on 2 "$talus" verify --model packed --threads 1 --num-requests 2 \
    --longest-prompt 16 --max-tokens 4
  ! grep -q DIFFERS log || fail "bits differ"
}

# Weights are packed for GPUs where there are none, and say so. With --gpu-arch, also where there are.
case_shard_for_gpus() {
  head -n 2 "$problems" > in.jsonl
  local shard=("$talus" shard --threads 1 --backend cuda --model "$demo/moe")
  expect 0 "in the host's memory for GPUs (sm_90)" on 2 "${shard[@]}" -o named -tp 2 --gpu-arch sm_90
  expect 0 "backend cuda" "$talus" inspect named
  expect 2 "--gpu-arch: sm_75 (must be" "${shard[@]}" -o no --gpu-arch sm_75
  expect 2 "only with --backend cuda" env TALUS_BACKEND=reference \
    "$talus" shard --threads 1 --model "$demo/moe" -o no --gpu-arch sm_90
  expect 2 "must be given" on 2 "${shard[@]}" -o no --gpu-arch sm_90
  [ ! -e no ] && [ ! -e no.partial ] || fail "a run that was refused left a folder"
  ! command -v nvidia-smi > /dev/null || return 0

  expect 0 "in the host's memory for GPUs (none is here: " on 2 "${shard[@]}" -o packed -tp 2
  diff -r named packed || fail "what GPUs are named makes a difference"
  expect 2 "--gpu-arch is missing" "${shard[@]}" -o no --gpu-matmul cublaslt
  expect 2 "backend: cuda (" on 2 "$talus" run --threads 1 --model packed -i in.jsonl -o out.jsonl
}

case_trace() {
  head -n 6 "$problems" > in.jsonl
  expect 0 "6 answers" demo 2 moe in.jsonl out.jsonl -tp 2 --trace seen
  answers trace seen 6
  /usr/bin/python3 "$demo/summarize_trace.py" seen > summary || fail "summarize_trace.py"
  [ -s summary ] || fail "summarize_trace.py says nothing"
}

run_case
