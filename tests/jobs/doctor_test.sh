#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   doctor_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# The doctor and the check at the start of a run, on one host and on two emulated ones. A case is
# one of the functions case_* below; MPIEXEC is the launcher up to where the number of ranks goes.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"
exec 3>&2 # cases send standard error to a file

# two_hosts SLOTS RANKS COMMAND...: on two emulated hosts; a test that can't have them is skipped.
two_hosts() {
  local slots=$1 code=0
  shift
  "$source/tests/two_hosts.sh" "$slots" "${launcher[@]}" "$@" || code=$?
  if [ $code -eq 77 ]; then
    cat log >&3
    exit 77
  fi
  return $code
}

# check FILE RANKS HOSTS [KIND...]: the JSON is what README.md says, with at least these findings.
check() { /usr/bin/python3 "$here/doctor_fields.py" "$@" || fail "doctor_fields.py $*"; }

case_alone() {
  "$talus" doctor --threads 1 --json > out 2> log || fail "exit code $?"
  check out 1 1
  "$talus" doctor --threads 1 --model "$demo/dense" --output-json out.json > out 2> log ||
    fail "exit code $?"
  check out.json 1 1
  grep -q "^checkpoint .* bytes read by all ranks" out || fail "nothing of the checkpoint"
  grep -Eq "^(nothing looks wrong|what looks wrong:)$" out || fail "no conclusion"
  # What can't be examined is a finding; what can't be meant is refused.
  "$talus" doctor --threads 1 --model nowhere --json > out 2> log || fail "exit code $?"
  check out 1 1 unreadable
  local code=0
  "$talus" doctor --output-json nowhere/out.json > out 2> log || code=$?
  [ $code -eq 2 ] || fail "exit code $code for a file that can't be written"
}

# With GPUs or without: what ranks see of them is told if the runs to come need them, only then.
case_cards() {
  on 2 "$talus" doctor --threads 1 --json --backend reference > out 2> log || fail "exit code $?"
  check out 2 1
  grep -q '"cards": null' out || fail "cards were looked at without need"
  on 2 "$talus" doctor --threads 1 --json --backend cuda > out 2> log || fail "exit code $?"
  if grep -q '"uuid"' out; then
    check out 2 1
  else
    check out 2 1 no_card
  fi
  CUDA_VISIBLE_DEVICES='' TALUS_BACKEND=cuda on 2 "$talus" doctor --threads 1 > out 2> log ||
    fail "exit code $?"
  grep -q "^- ranks 0,1 on .*: see no GPU (.*; every rank of a backend of GPUs needs one)" out ||
    fail "ranks without a GPU are not told"
  expect 2 "backend: gpus (on this processor:" "$talus" doctor --threads 1 --backend gpus
}

case_ranks() {
  local ranks
  for ranks in 2 4; do
    on $ranks "$talus" doctor --threads 1 --model "$demo/moe" --json > out 2> log ||
      fail "exit code $?"
    check out $ranks 1
  done
}

# Many more ranks than cores: everything is bounded, so it ends, and says what is wrong.
case_many() {
  on 24 "$talus" doctor --threads 1 --json > out 2> log || fail "exit code $?"
  if [ "$(nproc)" -lt 24 ]; then
    check out 24 1 crowded_host
  else
    check out 24 1
  fi
}

# An allocation of two nodes, of which ranks are on one: told, or refused where that is asked for.
case_left_out() {
  local run=(on 1 env SLURM_JOB_ID=7 SLURM_JOB_NUM_NODES=2 "SLURM_JOB_NODELIST=n[1-2]"
    SLURMD_NODENAME=n1 "$talus")
  head -n 2 "$demo/problems.jsonl" > in.jsonl
  local answer=(run --threads 1 --model "$demo/dense" -i in.jsonl)
  "${run[@]}" "${answer[@]}" -o a.jsonl > log 2>&1 || fail "exit code $?"
  grep -q "warning: 1 of the 2 nodes .* have no rank: n2 " log || fail "n2 is not named"
  local code=0
  "${run[@]}" "${answer[@]}" -o b.jsonl --require-all-nodes > log 2>&1 || code=$?
  [ $code -eq 2 ] || fail "exit code $code, not 2"
  grep -q -- "--require-all-nodes: 1 of the 2 nodes" log || fail "the refusal doesn't say why"
  [ ! -e b.jsonl ] || fail "a refused run has an output"
  "${run[@]}" doctor --threads 1 --json > out 2> log || fail "exit code $?"
  check out 1 1 idle_node
}

case_two_hosts() {
  two_hosts 2 4 "$talus" doctor --threads 1 --model "$demo/dense" --json > out 2> log ||
    fail "exit code $?"
  check out 4 2
  # All ranks fit the first host: the second has none.
  two_hosts 2 2 "$talus" doctor --threads 1 --json > out 2> log || fail "exit code $?"
  check out 2 1 idle_node
}

case_two_hosts_answers() {
  head -n 12 "$demo/problems.jsonl" > in.jsonl
  local run=("$talus" run --threads 1 --model "$demo/moe" -i in.jsonl --overwrite)
  on 1 "${run[@]}" -o one.jsonl > log 2>&1 || fail "one rank: exit code $?"
  local grid
  for grid in "-tp 2 -dp 2" "-tp 2 -pp 2" "-tp 4" "-pp 4"; do
    # shellcheck disable=SC2086  # several arguments
    two_hosts 2 4 "${run[@]}" $grid -o two.jsonl > log 2>&1 || fail "$grid: exit code $?"
    /usr/bin/python3 "$here/answers.py" equal one.jsonl two.jsonl || fail "$grid: other answers"
    grep -q "^0 .* h1 " log && grep -q "^3 .* h2 " log || fail "$grid: ranks aren't on both hosts"
    case $grid in
      "-tp 4") grep -q "1 of 1 TP groups cross hosts" log || fail "a wide TP group is not told" ;;
      *) ! grep -q "TP groups cross hosts" log || fail "$grid: a TP group crosses hosts" ;;
    esac
  done
}

run_case
