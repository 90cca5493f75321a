# SPDX-License-Identifier: Apache-2.0
# To be sourced by a test of the talus command, which gets CASE TALUS SOURCE_DIR MPIEXEC...: MPIEXEC is
# the launcher up to where the number of ranks goes. Leaves the test in an empty folder.
#
#   fail WORD...                      ends the test, with what was logged
#   on RANKS COMMAND...               under the launcher
#   expect CODE TEXT COMMAND...       the command exits so, and says TEXT
#   demo RANKS MODEL INPUT OUTPUT ARGUMENT...   the run command on a demo model, one thread a rank; 0
#                                     ranks: without a launcher
#   answers, killed ARGUMENT...       the programs of that name beside this file
#   talus_processes                   process ids of the talus commands of this test, in their order
#   run_case                          the function case_CASE
set -euo pipefail

name=$1 talus=$2 source=$3
shift 3
launcher=("$@")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
demo=$source/jobs/demo
problems=$demo/problems.jsonl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  local file
  echo "$name: $*" >&2
  for file in log out; do
    [ ! -f $file ] || cat $file >&2
  done
  exit 1
}

on() { # RANKS COMMAND...
  local ranks=$1
  shift
  "${launcher[@]}" "$ranks" "$@"
}

answers() { /usr/bin/python3 "$here/answers.py" "$@" || fail "answers.py $1"; }

killed() { /usr/bin/python3 "$here/killed.py" "$@" || fail "killed.py $1"; }

expect() {
  local code=$1 text=$2 got=0
  shift 2
  "$@" > log 2>&1 < /dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "exit code $got, not $code, of: $*"
  grep -qF -- "$text" log || fail "no \"$text\" in what this said: $*"
}

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

# No other test works in this folder.
talus_processes() {
  local folder
  for folder in /proc/[0-9]*; do
    if [ "$(readlink "$folder/cwd" 2> /dev/null)" = "$work" ] &&
      [ "$(readlink "$folder/exe" 2> /dev/null)" = "$(realpath "$talus")" ]; then
      echo "${folder#/proc/}"
    fi
  done
}

run_case() {
  declare -F "case_$name" > log || fail "no such case"
  "case_$name"
}
