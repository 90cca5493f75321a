#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From a clone to answers: sets the machine up, builds Talus, and lets four MPI ranks solve 1,000
# problems of arithmetic, first with a dense model, then with a mixture of experts. Prints some
# reasoning, how many answers are right, and what the ranks did. Fails if fewer than 95% are right.
#
#   BACKEND  kernels to use (auto)       JOBS  parallel compilations (all cores)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

talus=build/release/bin/talus
results=build/demo
least=0.95
started=$SECONDS

heading() { printf '\n== %s (%d s) ==\n' "$*" $((SECONDS - started)); }

show_and_run() {
  echo "\$ $*"
  "$@"
}

# What Open MPI asks for on a small machine: leave for root, and for more ranks than cores, which
# then must not be tied to one core each. Names of versions 4 and 5; other MPIs don't look.
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export PRTE_MCA_hwloc_default_binding_policy=none
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# run_model NAME ID GRID...: the problems through one model; then answer ID, score and trace.
run_model() {
  local name=$1 shown=$2
  shift 2
  show_and_run mpirun -n 4 "$talus" run --model "jobs/demo/$name" -i jobs/demo/problems.jsonl \
    -o "$results/$name.jsonl" --overwrite --trace "$results/$name-trace" "$@" \
    --backend "${BACKEND:-auto}"
  heading "$name: an answer, the score, and what the ranks did"
  # The whole score has to be shown before it counts.
  local enough=0
  /usr/bin/python3 jobs/demo/score.py --output "$results/$name.jsonl" \
    --problems jobs/demo/problems.jsonl --answers jobs/demo/answers.jsonl \
    --show "$shown" --least "$least" || enough=1
  /usr/bin/python3 jobs/demo/summarize_trace.py "$results/$name-trace"
  return $enough
}

heading "Setting the machine up"
jobs/setup.sh

heading "Building Talus"
mkdir -p "$results"
if ! {
  cmake --preset release &&
    cmake --build --preset release --target talus --parallel "${JOBS:-$(nproc)}"
} > "$results/build.log" 2>&1; then
  tail -n 40 "$results/build.log"
  exit 1
fi
"$talus" --version

heading "A dense model (Qwen3 form): two replicas of two tensor-parallel ranks"
run_model dense p0002 -dp 2 -tp 2

heading "A mixture of experts (DeepSeek-V3 form): the same grid, experts shared out over all ranks"
run_model moe p0005 -dp 2 -tp 2 -ep 4

heading "Done"
