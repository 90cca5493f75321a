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

# A signal to one rank of the engine: what is under way gets an error, the clients end as they do,
# and all is over.
case_signals() {
  local ranks rank signal launched
  killed requests "$problems" 2600 > in.jsonl
  for signal in TERM USR1; do
    beside 2 in.jsonl out-$signal 2 --model "$demo/dense" -tp 2 > log 2>&1 &
    launched=$!
    wait_for_lines out-$signal.0 20 $launched
    mapfile -t ranks < <(engine_ranks)
    [ ${#ranks[@]} -eq 2 ] || fail "${#ranks[@]} ranks of the engine"
    kill -$signal "${ranks[1]}"
    local got=0
    wait $launched || got=$?
    [ $got -eq 75 ] || fail "code $got"
    grep -q "stopped by a signal" log || fail "not said"
    cat out-$signal.[01] > out
    [ "$(wc -l < out)" -eq 2600 ] || fail "$(wc -l < out) lines"
    [ "$(grep -c '"status_code": *200' out)" -ge 20 ] || fail "nothing was answered"
    grep -q '"code": *"stopping"' out || fail "nothing was refused"
  done
}

# Process ids of this case's engines: no other test works here.
engine_ranks() {
  local folder
  for folder in /proc/[0-9]*; do
    if [ "$(readlink "$folder/cwd" 2> /dev/null)" = "$work" ] &&
      [ "$(readlink "$folder/exe" 2> /dev/null)" = "$(realpath "$talus")" ]; then
      echo "${folder#/proc/}"
    fi
  done
}

# wait_for_lines FILE COUNT PROCESS
wait_for_lines() {
  until [ -f "$1" ] && [ "$(wc -l < "$1")" -ge "$2" ]; do
    kill -0 "$3" 2> /dev/null || fail "it ended early"
    sleep 0.05
  done
}

run_case
