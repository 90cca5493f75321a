#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   life_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# A batch job's life: stopped, killed, gone on with, audited, repeated, and what it leaves behind. A case
# is one of the functions case_* below.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

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

# What decides answers may be given to a repetition only as the manifest has it, and is never overridden.
replay_with() { "$talus" replay out.jsonl.run.json --threads 1 -o other.jsonl "$@"; }

replay_refused() { # OPTION VALUE THE_MANIFEST'S
  expect 2 "not the same run: $1: this run has $2, the manifest $3" replay_with "$1" "$2"
  grep -q "may be others: the grid" log || fail "$1: not told what may be others"
  [ ! -e other.jsonl ] || fail "$1: a run that was refused wrote"
}

# A run is repeated from its manifest, on other grids; what is not the same run, or gives other
# answers, is told.
case_replay() {
  killed requests "$problems" 39 > in.jsonl
  expect 0 "36 answers and 3 errors" demo 2 dense in.jsonl out.jsonl -tp 2 --max-model-len 300 \
    --seed 5 --kv-cache-dtype fp8
  expect 0 "the same: 39 answers" "$talus" replay out.jsonl.run.json --threads 1
  expect 0 "the same: 39 answers" on 4 "$talus" replay out.jsonl.run.json --threads 1 -pp 2 \
    --max-num-seqs 3 -o again.jsonl
  answers equal out.jsonl again.jsonl
  replay_refused --seed 6 5
  replay_refused --dtype float32 bfloat16
  replay_refused --kv-cache-dtype int8 float8_e4m3
  replay_refused --max-model-len 299 300
  replay_refused --served-model-name other dense
  replay_refused --reasoning-parser qwen3 none
  expect 2 "--quantization: this run has bfloat16, quantised to int8, the manifest bfloat16" \
    replay_with --quantization int8
  replay_refused --backend reference ""
  expect 2 "not expected: 1:00 --time-limit" replay_with --time-limit 1:00
  expect 0 "the same: 39 answers" replay_with --seed 5 --dtype bfloat16 --kv-cache-dtype fp8_e4m3 \
    --max-model-len 300 --served-model-name dense --max-num-seqs 5
  sed 's/"xxh3": "[0-9a-f]*"/"xxh3": "0"/' out.jsonl.run.json > false.json
  expect 1 "NOT the same: 39 answers" "$talus" replay false.json --threads 1 -o false.jsonl
  grep -q "was changed since" log || fail "not told that the output isn't that of the manifest"
  head -n 38 in.jsonl > fewer.jsonl
  expect 2 "not the same run: input: " \
    "$talus" replay out.jsonl.run.json --threads 1 -o third.jsonl -i fewer.jsonl
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
  expect 2 "--time-margin: 1e+300 (allowed: 0 to" demo 0 dense in.jsonl out.jsonl --time-margin 1e300
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

# Runs that hang, in so many ways: who is to blame is named, and they end.
#   ROUNDS, SEED, LIMIT: more, and other ones, than in every day's test
hung() { # KIND ARGUMENT...
  local kind=$1
  shift
  # What an ended job leaves behind goes with this test's folder.
  export TMPDIR=$PWD OMPI_MCA_btl_vader_backing_directory=$PWD
  /usr/bin/python3 "$here/hung.py" "$kind" --limit "${LIMIT:-6}" --rounds "${ROUNDS:-3}" \
    --seed "${SEED:-1}" --work "$PWD" "$@" -- \
    "${launcher[@]}" "{ranks}" "$talus" run --model "$demo/dense" -i "$problems" --threads 1 ||
    fail "hung.py $kind"
}

case_hung_stop() { hung stop; }

case_hung_kill() { hung kill; }

case_hung_files() {
  ROUNDS=1 hung fifo
  for kind in output trace model; do
    ROUNDS=1 hung $kind --block "$TALUS_BLOCK_CALLS"
  done
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

run_case
