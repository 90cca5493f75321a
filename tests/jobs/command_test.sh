#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   command_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# The talus command from end to end. A case is one of the functions case_* below; MPIEXEC is the
# launcher up to where the number of ranks goes.
set -euo pipefail

name=$1 talus=$2 source=$3
shift 3
launcher=("$@")
here=$(dirname "${BASH_SOURCE[0]}")
demo=$source/jobs/demo
problems=$demo/problems.jsonl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "$name: $*" >&2
  [ ! -s log ] || cat log >&2
  exit 1
}

on() { # RANKS COMMAND...
  local ranks=$1
  shift
  "${launcher[@]}" "$ranks" "$@"
}

answers() { /usr/bin/python3 "$here/answers.py" "$@" || fail "answers.py $1"; }

killed() { /usr/bin/python3 "$here/killed.py" "$@" || fail "killed.py $1"; }

# expect CODE TEXT COMMAND...: the command exits so, and says TEXT.
expect() {
  local code=$1 text=$2 got=0
  shift 2
  "$@" > log 2>&1 < /dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "exit code $got, not $code, of: $*"
  grep -qF -- "$text" log || fail "no \"$text\" in what this said: $*"
}

# demo RANKS MODEL INPUT OUTPUT ARGUMENT...: the run command on a demo model, one thread a rank;
# 0 ranks: without a launcher.
demo() {
  local ranks=$1 model=$2 input=$3 output=$4 command
  shift 4
  command=("$talus" run --model "$demo/$model" -i "$input" -o "$output" --threads 1 "$@")
  if [ "$ranks" -eq 0 ]; then
    "${command[@]}"
  else
    on "$ranks" "${command[@]}"
  fi
}

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
  expect 2 "expected, reserve, eager" "${dense[@]}" -o out.jsonl --kv-admission greedy
  expect 2 "--max-num-seqs" "${dense[@]}" -o out.jsonl --max-num-seqs 0
  expect 2 "--block-size" "${dense[@]}" -o out.jsonl --block-size 7
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

# A run goes on from its ledger, wherever a crash may have cut it and the output, on any grid.
case_resume() {
  killed requests "$problems" 39 > in.jsonl
  expect 2 "--resume: no ledger" demo 0 dense in.jsonl out.jsonl --resume
  expect 2 "--overwrite: not with" demo 0 dense in.jsonl out.jsonl --resume auto --overwrite
  expect 2 "allowed: never, auto" demo 0 dense in.jsonl out.jsonl --resume perhaps
  expect 2 "allowed: none, each" demo 0 dense in.jsonl out.jsonl --sync perhaps
  local parser=(--reasoning-parser qwen3)
  expect 0 "36 answers and 3 errors" demo 0 dense in.jsonl whole.jsonl --save-partial-every -1 \
    "${parser[@]}"
  expect 0 "36 answers and 3 errors" demo 2 dense in.jsonl out.jsonl -dp 2 --resume auto \
    --save-partial-every 0 --max-num-seqs 12 --sync each "${parser[@]}"
  answers equal whole.jsonl out.jsonl
  expect 0 "nothing is left to do" \
    demo 2 dense in.jsonl out.jsonl --resume "${parser[@]}"
  # The second has so little memory that what goes on is preempted too.
  local seed saved=0 grids=("2 -pp 2" "1 --max-model-len 512 --num-gpu-blocks-override 34
    --kv-admission eager --max-num-batched-tokens 40" "4 -tp 2 -dp 2" "2 -dp 2" "3 -dp 3")
  for seed in 0 1 2 3 4; do
    cp out.jsonl cut.jsonl && cp out.jsonl.ledger cut.jsonl.ledger
    killed cut cut.jsonl cut.jsonl.ledger $seed
    # shellcheck disable=SC2086
    set -- ${grids[seed]}
    expect 0 "36 answers and 3 errors" demo "$1" dense in.jsonl cut.jsonl "${@:2}" --resume auto \
      --save-partial-every 0 "${parser[@]}"
    grep -q "resumed: " log || fail "seed $seed: not resumed"
    ! grep -q " [1-9][0-9]* of these go on from saved tokens" log || saved=$((saved + 1))
    answers equal whole.jsonl cut.jsonl
    expect 0 "nothing is left" demo 1 dense in.jsonl cut.jsonl --resume "${parser[@]}"
    "$talus" audit -i in.jsonl -o cut.jsonl > log || fail "audit of seed $seed"
  done
  [ "$saved" -gt 0 ] || fail "no cut left tokens to go on from"
}

# What isn't the run that a ledger is of is refused, and told how it differs.
case_resume_refused() {
  head -n 6 "$problems" > in.jsonl
  head -n 5 "$problems" > other.jsonl
  expect 0 "6 answers" demo 0 dense in.jsonl out.jsonl
  cp out.jsonl kept.jsonl
  expect 2 "--overwrite" demo 0 dense in.jsonl out.jsonl
  expect 2 "--seed: this run has 7, the ledger 0" demo 2 dense in.jsonl out.jsonl --resume --seed 7
  expect 2 "--dtype: this run has float32" demo 0 dense in.jsonl out.jsonl --resume auto --dtype float32
  expect 2 "--max-model-len: this run has 99" demo 0 dense in.jsonl out.jsonl --resume \
    --max-model-len 99
  expect 2 "config.json: this run has" demo 0 moe in.jsonl out.jsonl --resume
  expect 2 "input: this run has" demo 0 dense other.jsonl out.jsonl --resume
  cp -r "$demo/dense" model && chmod -R u+w model
  printf 'X' | dd of=model/model.safetensors conv=notrunc bs=1 seek="$(($(stat -L -c %s \
    model/model.safetensors) - 3))" 2> log || fail dd
  expect 2 "weights: this run has" "$talus" run --threads 1 --model model -i in.jsonl -o out.jsonl \
    --resume --served-model-name dense
  cmp out.jsonl kept.jsonl || fail "a run that was refused changed the output"

  sed -i '2s/"finish_reason"/"Finish_reason"/' out.jsonl
  expect 2 "line 2 is not what was written" demo 0 dense in.jsonl out.jsonl --resume
  rm out.jsonl
  expect 0 "6 answers that the ledger knows are not in out.jsonl" \
    demo 0 dense in.jsonl out.jsonl --resume
  answers equal out.jsonl kept.jsonl
  rm out.jsonl # and a run afresh takes the ledger's place
  expect 0 "6 answers" demo 0 dense in.jsonl out.jsonl
  answers equal out.jsonl kept.jsonl

  demo 2 dense - piped.jsonl --resume auto < in.jsonl > log 2>&1 || fail "standard input"
  cp in.jsonl piped.jsonl.input # as a run that was killed leaves it
  truncate -s -30 piped.jsonl
  demo 1 dense - piped.jsonl --resume < in.jsonl > log 2>&1 || fail "standard input, again"
  answers equal piped.jsonl kept.jsonl
}

# A run that is killed until it is done.
#   KILLS, REQUESTS, SEED: more than in every day's test
end_early() { # HOW ARGUMENT...
  local how=$1
  shift
  # What Open MPI leaves behind where its launcher is killed too goes with this test's folder.
  export TMPDIR=$PWD OMPI_MCA_btl_vader_backing_directory=$PWD
  killed requests "$problems" "${REQUESTS:-44}" > in.jsonl
  demo 0 dense in.jsonl whole.jsonl 2> log || fail "the run that nobody disturbs"
  killed run --by "$how" --kills "${KILLS:-5}" --seed "${SEED:-1}" --requests in.jsonl \
    --expected whole.jsonl -- "${launcher[@]}" "{ranks}" "$talus" run --model "$demo/dense" \
    -i in.jsonl --threads 1 --resume auto "$@"
  "$talus" audit -i in.jsonl -o whole.jsonl.killed.jsonl --json > log || fail "audit"
}

case_killed() { end_early kill --save-partial-every 0; }

# Stopped by signals, at any moment from the first on that the command has a handler.
# (So many requests that a run is mostly still at work then, which no run has to be.)
case_stopped() { REQUESTS=${REQUESTS:-600} end_early stop; }

case_time_limit() { end_early limit; }

# No network of its own, no file but those asked for, no other program; see policy.py.
case_policy() {
  command -v strace > /dev/null || { echo "no strace: skipped" >&2; exit 77; }
  mkdir tmp
  export TMPDIR=$PWD/tmp OMPI_MCA_ess_singleton_isolated=1 # without a launcher of Open MPI's own
  head -n 8 "$problems" > in.jsonl
  local code=0
  /usr/bin/python3 "$here/policy.py" "$(dirname "$talus")/talus_only_mpi" -- "$talus" run \
    --model "$demo/dense" -i in.jsonl -o out.jsonl --threads 1 --trace trace --status status.json \
    --resume auto 2> log || code=$?
  [ "$code" -ne 77 ] || exit 77
  [ "$code" -eq 0 ] || fail "policy.py: $code"
}

# Files have the user's umask; a link is followed only if it is the user's own.
case_links() {
  head -n 4 "$problems" > in.jsonl
  mkdir there
  ln -s there/out.jsonl out.jsonl
  (umask 027 && demo 0 dense in.jsonl out.jsonl --trace trace --status status.json 2> log) || fail run
  local file
  for file in there/out.jsonl out.jsonl.ledger status.json trace/trace.h5 trace/trace.00000.h5; do
    [ "$(stat -c %a "$file")" = 640 ] || fail "$file has mode $(stat -c %a "$file")"
  done
  ln -s there/other.jsonl other.jsonl
  ln -s there/ledger third.jsonl.ledger
  ln -s there trace2
  chown -h 12345 other.jsonl third.jsonl.ledger trace2 2> log ||
    { echo "not root, so no link of another user: skipped" >&2; exit 77; }
  expect 2 "other.jsonl: a symbolic link of user 12345" demo 0 dense in.jsonl other.jsonl
  expect 2 "third.jsonl.ledger: a symbolic link of user" demo 0 dense in.jsonl third.jsonl
  expect 2 "trace2: a symbolic link of user" demo 0 dense in.jsonl fourth.jsonl --trace trace2
  [ ! -e there/other.jsonl ] && [ ! -e there/ledger ] || fail "a link was followed"
}

# A run is repeated from its manifest, on other grids; what is not the same run, or gives other
# answers, is told.
case_replay() {
  killed requests "$problems" 39 > in.jsonl
  expect 0 "36 answers and 3 errors" demo 2 dense in.jsonl out.jsonl -tp 2 --max-model-len 300 \
    --seed 5 --kv-cache-dtype int8
  expect 0 "the same: 39 answers" "$talus" replay out.jsonl.run.json --threads 1
  expect 0 "the same: 39 answers" on 4 "$talus" replay out.jsonl.run.json --threads 1 -pp 2 \
    --max-num-seqs 3 -o again.jsonl
  answers equal out.jsonl again.jsonl
  expect 2 "not the same run (--seed: this run has 6, the ledger 5)" \
    "$talus" replay out.jsonl.run.json --threads 1 -o other.jsonl --seed 6
  sed 's/"xxh3": "[0-9a-f]*"/"xxh3": "0"/' out.jsonl.run.json > false.json
  expect 1 "NOT the same: 39 answers" "$talus" replay false.json --threads 1 -o false.jsonl
  grep -q "was changed since" log || fail "not told that the output isn't that of the manifest"
  head -n 38 in.jsonl > fewer.jsonl
  expect 2 "not the same run (input: " \
    "$talus" replay out.jsonl.run.json --threads 1 -o other.jsonl -i fewer.jsonl
  echo "{}" > empty.json
  expect 2 "empty.json: no manifest of a run" "$talus" replay empty.json
  expect 75 "requests are left" demo 2 dense in.jsonl left.jsonl --time-limit 0:00
  expect 2 "left.jsonl.run.json: of a run that is stopped" "$talus" replay left.jsonl.run.json
}

# What --status says, and that a bad limit or margin is refused.
case_status() {
  killed requests "$problems" 39 > in.jsonl
  expect 2 "--time-limit: 10 (allowed: auto" demo 0 dense in.jsonl out.jsonl --time-limit 10
  expect 2 "--time-margin: -1" demo 0 dense in.jsonl out.jsonl --time-margin -1
  expect 75 "39 requests are left (run again with --resume)" \
    demo 2 dense in.jsonl out.jsonl --time-limit 0:00 --status status.json -dp 2
  answers status status.json stopped 39 0
  grep -q "stopped: the time limit" log || fail "the reason"
  expect 0 "36 answers and 3 errors" demo 2 dense in.jsonl out.jsonl --resume -tp 2 \
    --status status.json
  answers status status.json done 39 36
  expect 0 "--status: nowhere/status.json.tmp: can't be created" \
    demo 2 dense in.jsonl other.jsonl --status nowhere/status.json
}

# A disk that fills up costs nothing that is finished.
case_small_disk() {
  unshare -rm true 2> log || return 77
  head -n 40 "$problems" > in.jsonl
  expect 0 "40 answers" demo 0 dense in.jsonl whole.jsonl
  mkdir small
  # shellcheck disable=SC2016
  unshare -rm bash -c '
    mount -t tmpfs -o size=16k none small || exit 77
    "$@" > first 2>&1 && exit 1
    [ $? -eq 1 ] && grep -q "small/out.jsonl.*No space left on device" first || exit 1
    mount -o remount,size=1m small
    "$@" > second 2>&1 || exit 1
    grep -q "resumed: [1-9]" second && cp small/out.jsonl out.jsonl' - \
    "$talus" run --model "$demo/dense" -i in.jsonl -o small/out.jsonl --threads 1 --resume auto ||
    { local code=$?; cat first second > log; [ $code -eq 77 ] && return 77 || fail "code $code"; }
  answers equal whole.jsonl out.jsonl
}

case_audit() {
  answers make mixed - > in.jsonl
  demo 2 dense in.jsonl out.jsonl 2> log || fail run
  expect 0 "complete: 12 requests, 7 answers and 5 errors" "$talus" audit -i in.jsonl -o out.jsonl
  expect 0 '"complete": true' "$talus" audit -i in.jsonl -o out.jsonl --json
  grep -v good3 out.jsonl > less.jsonl
  expect 1 "missing 1: good3" "$talus" audit -i in.jsonl -o less.jsonl
  cat out.jsonl less.jsonl > more.jsonl
  expect 1 "repeated 11:" "$talus" audit -i in.jsonl -o more.jsonl
  truncate -s -1 out.jsonl
  expect 1 "broken 1: line 12" "$talus" audit -i in.jsonl -o out.jsonl
  expect 2 "absent.jsonl" "$talus" audit -i in.jsonl -o absent.jsonl
  expect 2 "--input-file" "$talus" audit -o out.jsonl
}

case_trace() {
  head -n 6 "$problems" > in.jsonl
  expect 0 "6 answers" demo 2 moe in.jsonl out.jsonl -tp 2 --trace seen
  answers trace seen 6
  /usr/bin/python3 "$demo/summarize_trace.py" seen > summary || fail "summarize_trace.py"
  [ -s summary ] || fail "summarize_trace.py says nothing"
}

declare -F "case_$name" > log || fail "no such case"
"case_$name"
