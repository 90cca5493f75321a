#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   engine_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# `talus engine` beside another program, in one launch. A case is one of the functions case_* below.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

client=$(dirname "$talus")/talus_engine_client

engine=("$talus" engine --threads 1 --kv-cache-memory 8M)

# beside CLIENTS REQUESTS ANSWERS ENGINES ARGUMENT...: the client first.
beside() {
  on "$1" "$client" "$1" "$2" "$3" : "${launcher[@]:1}" "$4" "${engine[@]}" "${@:5}"
}

# requests COUNT: of many kinds. Errors name the line, which is another one for each client: none.
requests() { killed requests "$problems" "$1" | grep -v no_such_parameter; }

# The answers to clients are those of `talus run`, sampled ones too, on any grid, beside any number of
# clients, whichever program comes first.
case_answers() {
  requests 39 > in.jsonl
  expect 0 "36 answers and 0 errors" demo 0 dense in.jsonl whole.jsonl
  local dense=(--model "$demo/dense")
  expect 0 "serves the other programs" beside 1 in.jsonl one 1 "${dense[@]}"
  expect 0 "serves" beside 4 in.jsonl four 2 "${dense[@]}" -tp 2
  expect 0 "serves" beside 3 in.jsonl three 3 "${dense[@]}" -pp 3
  expect 0 "serves" on 2 "${engine[@]}" "${dense[@]}" -dp 2 : "${launcher[@]:1}" 2 "$client" 2 \
    in.jsonl behind
  local name
  for name in one four three behind; do
    cat $name.* > $name
    answers equal whole.jsonl $name
  done
}

case_moe_answers() {
  requests 26 > in.jsonl
  expect 0 "24 answers and 0 errors" demo 0 moe in.jsonl whole.jsonl
  expect 0 "serves" beside 2 in.jsonl joined 4 --model "$demo/moe" -dp 2 -tp 2 -ep 4
  expect 0 "serves" beside 1 in.jsonl staged 2 --model "$demo/moe" -pp 2
  local name
  for name in joined staged; do
    cat $name.* > $name
    answers equal whole.jsonl $name
  done
}

# embedded RANKS MODEL ANSWERS OPTION...: a program with the engine inside, whose ranks all ask.
embedded() {
  on "$1" "$client" "$1" in.jsonl "$3" model="$demo/$2" threads=1 kv-cache-memory=8M "${@:4}" \
    > log 2>&1 || fail "$3"
  cat "$3".* > "$3"
  answers equal whole-"$2".jsonl "$3"
}

case_embedded_answers() {
  requests 26 > in.jsonl
  expect 0 "24 answers and 0 errors" demo 0 dense in.jsonl whole-dense.jsonl
  expect 0 "24 answers and 0 errors" demo 0 moe in.jsonl whole-moe.jsonl
  embedded 1 dense alone
  embedded 3 dense stages pipeline-parallel-size=3
  embedded 4 dense shards tensor-parallel-size=2 data-parallel-size=2
  embedded 3 dense clients engine-ranks=1
  embedded 4 moe joined tensor-parallel-size=2 data-parallel-size=2 expert-parallel-size=4
  embedded 2 moe halves pipeline-parallel-size=2
}

# Who is alone, or was started otherwise than the others, is told so, and nobody waits.
case_refused() {
  head -n 3 "$problems" > in.jsonl
  expect 2 "no clients: all 2 ranks" on 2 "${engine[@]}" --model "$demo/dense"
  expect 3 "role: client on all ranks" on 2 "$client" 2 in.jsonl out
  expect 2 "--model: missing" beside 2 in.jsonl out 1
  expect 2 "--hang-timeout: soon (allowed: seconds from 1" beside 2 in.jsonl out 1 \
    --model "$demo/dense" --hang-timeout soon
  expect 2 "--time-limit: 10 (allowed: auto" beside 2 in.jsonl out 1 --model "$demo/dense" \
    --time-limit 10
  expect 2 "--time-margin: -1 (allowed" beside 2 in.jsonl out 1 --model "$demo/dense" \
    --time-margin -1
  expect 2 "--frobnicate" beside 2 in.jsonl out 1 --model "$demo/dense" --frobnicate
  # A launcher gives the code of the first program that failed.
  local codes="[23]" got=0
  beside 2 in.jsonl out 2 --model nowhere > log 2>&1 || got=$?
  [[ $got =~ ^$codes$ ]] || fail "code $got"
  [ "$(grep -c '^talus: .*nowhere' log)" -eq 1 ] || fail "not said once"
  grep -q '^client 1: .*nowhere' log || fail "a client was not told"
  got=0
  on 1 "$client" 1 in.jsonl out : "${launcher[@]:1}" 1 "${engine[@]}" --model "$demo/dense" : \
    "${launcher[@]:1}" 1 "${engine[@]}" --model "$demo/dense" --max-num-seqs 7 > log 2>&1 || got=$?
  [[ $got =~ ^$codes$ ]] || fail "code $got"
  [ "$(grep -c '^talus: --max-num-seqs differs' log)" -eq 1 ] || fail "not said once"
}

# In the background: an engine of many ranks that works for two clients, who have some answers.
#   sets launched, and ranks to the process ids of the engine's
start_busy() { # ANSWERS ENGINES ARGUMENT...
  beside 2 in.jsonl "$@" > log 2>&1 &
  launched=$!
  wait_for_lines "$1.0" 20 $launched
  mapfile -t ranks < <(talus_processes)
  [ ${#ranks[@]} -eq "$2" ] || fail "${#ranks[@]} ranks of the engine, not $2"
}

ended_with() { # CODE
  local got=0
  wait "$launched" || got=$?
  [ $got -eq "$1" ] || fail "code $got, not $1"
}

# Each request has its line, an answer or why there is none.
check_stopped() { # ANSWERS REASON [REQUESTS]
  ended_with 75
  cat "$1".[01] > out
  [ "$(wc -l < out)" -eq "${3:-2600}" ] || fail "$(wc -l < out) lines"
  grep -qE "\"the engine stops: ($2) \(it answers no more\)\"" out || fail "clients were not told why"
}

# A signal to one rank of the engine: what is under way gets an error, the clients end as they do,
# and all is over.
case_signals() {
  local ranks signal launched other="another rank was told to stop"
  killed requests "$problems" 2600 > in.jsonl
  for signal in TERM USR1 USR2; do
    start_busy out-$signal 2 --model "$demo/dense" -tp 2
    kill -$signal "${ranks[1]}"
    check_stopped out-$signal "SIG$signal|$other"
    grep -qE "stopped: (SIG$signal|$other): requests without an answer were refused" log ||
      fail "not said"
    [ "$(grep -c '"status_code": *200' out)" -ge 20 ] || fail "nothing was answered"
  done
}

# An engine stops before its job ends, at once if that is over, and answers what it has time for.
case_time_limit() {
  local grids=("1" "2 -pp 2" "4 -tp 2 -dp 2") grid launched
  killed requests "$problems" 2600 > in.jsonl
  for grid in "${grids[@]}"; do
    # shellcheck disable=SC2086
    beside 2 in.jsonl over $grid --model "$demo/dense" --time-limit 0:00 > log 2>&1 &
    launched=$!
    check_stopped over "the time limit"
    ! grep -q '"status_code": *200' out || fail "answered behind the limit"
    grep -q "s are left (--time-limit)" log || fail "not told of the limit"
    rm over.*
  done
  # More than any machine answers until then, so that the limit comes in the midst of them.
  killed requests "$problems" 40000 > many.jsonl
  beside 2 many.jsonl some 2 --model "$demo/dense" -tp 2 --time-limit 0:16 --time-margin 4 \
    > log 2>&1 &
  launched=$!
  check_stopped some "the time limit" 40000
  grep -q "stopped: the time limit" log || fail "not said"
}

# An engine of which a rank hangs is ended with all of its launch, and the rank is named.
case_hung() {
  # What an ended job leaves behind goes with this test's folder.
  export TMPDIR=$PWD OMPI_MCA_btl_vader_backing_directory=$PWD
  local grids=("2 -tp 2" "3 -pp 3" "4 -tp 2 -dp 2") grid launched ranks stopped
  killed requests "$problems" 2600 > in.jsonl
  for grid in "${grids[@]}"; do
    rm -f busy.*
    # shellcheck disable=SC2086
    start_busy busy $grid --model "$demo/dense" --hang-timeout 6
    stopped=${ranks[${grid%% *} - 1]}
    kill -STOP "$stopped"
    ended_with 70
    grep -q "the engine .* hangs, and ends with exit code 70 (--hang-timeout 6)" log || fail "not said"
    grep -qE "rank [0-3] on .* \(pid $stopped\): its process is stopped" log || fail "not named"
  done
  # One rank alone, which reads its model and never comes back; the client waits.
  export BLOCK_FILE=model.safetensors BLOCK_RANK=1 BLOCK_ONCE=$PWD/in.jsonl
  LD_PRELOAD=$TALUS_BLOCK_CALLS beside 1 in.jsonl none 1 --model "$demo/dense" --hang-timeout 6 \
    > log 2>&1 &
  launched=$!
  ended_with 70
  grep -qE "rank 0 on .*blocked .* in a call on a file: .*demo/dense" log || fail "the file was not named"
}

# What waits for programs to ask is no hang, and costs no patience.
case_idle() {
  printf '' > in.jsonl
  local launched
  SLOW_CLIENT=8 beside 2 in.jsonl none 3 --model "$demo/dense" -pp 3 --hang-timeout 3 > log 2>&1 &
  launched=$!
  ended_with 0
}

# The engine's own ranks are looked at before they load.
case_start_check() {
  [ "$(env -u OMP_NUM_THREADS nproc)" -gt 1 ] || { echo "one core: skipped" >&2; exit 77; }
  head -n 2 "$problems" > in.jsonl
  local core
  core=$(taskset -cp $$ | sed 's/.*: *//; s/[,-].*//')
  engine=(taskset -c "$core" "${engine[@]}")
  expect 0 "ranks 0,1 are all bound to core $core" beside 1 in.jsonl out 2 --model "$demo/dense" -tp 2
  ! grep -q "have no rank\|is a job of one rank" log || fail "took the clients for nothing"
}

# wait_for_lines FILE COUNT PROCESS
wait_for_lines() {
  until [ -f "$1" ] && [ "$(wc -l < "$1")" -ge "$2" ]; do
    kill -0 "$3" 2> /dev/null || fail "it ended early"
    sleep 0.05
  done
}

run_case
