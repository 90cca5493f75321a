#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   slurm_test.sh CASE TALUS SOURCE_DIR
#
# Batch jobs in a real Slurm, of two emulated nodes on this machine. A case is one of the functions
# case_* below. Skipped (77) where Slurm's programs aren't.
set -euo pipefail

name=$1 talus=$2 source=$3
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=tests/jobs/private_slurm.sh
. "$here/private_slurm.sh"
slurm_is_there || exit 77
work=$(mktemp -d)
cleanup() {
  stop_slurm
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"

fail() {
  echo "$name: $*" >&2
  tail -n 30 ./*.log >&2
  exit 1
}

# The nodes are one machine to Open MPI, whose shared memory would mix them up.
export OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1
unset OMPI_MCA_rmaps_base_oversubscribe
PATH=$(dirname "$talus"):$PATH
export PATH
start_slurm "$work/slurm" 2 2 || fail "Slurm does not start"

# Requests, and their answers by one rank that nobody disturbs.
make_requests() { # NUMBER
  /usr/bin/python3 "$here/killed.py" requests "$source/jobs/demo/problems.jsonl" "$1" > in.jsonl
  "$talus" run --model "$source/jobs/demo/dense" -i in.jsonl -o whole.jsonl --overwrite --threads 1 \
    2> whole.log || fail "the run that nobody disturbs"
}
make_requests 700

state_of() { scontrol show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }

# Has a requeued job begin, which else waits for two minutes, once nothing of it is left on the
# nodes: a step of the same number would meet it.
begin_again() { # JOB
  if are_nodes_idle 2 && ! compgen -G "$work/slurm/spool.n*/n*_${1%_*}.*" > /dev/null &&
    ! grep -qsF "slurmstepd: [${1%_*}." /proc/[0-9]*/cmdline; then
    sleep 2 # of the network and process managers' files
    scontrol update JobId="$1" StartTime=now 2> /dev/null || true
  fi
}

on_requeue() { :; }

# Waits until a job is over.
wait_for() { # JOB
  local state
  for _ in $(seq 1200); do
    state=$(state_of "$1" JobState)
    case $state in
      COMPLETED) return ;;
      PENDING)
        [ "$(state_of "$1" Restarts)" -eq 0 ] || on_requeue
        begin_again "$1"
        ;;
      RUNNING | COMPLETING | REQUEUED | CONFIGURING) ;;
      *)
        scontrol show job "$1" > state.log
        fail "job $1 is $state"
        ;;
    esac
    sleep 0.25
  done
  fail "job $1 is not over"
}

submit() { # OPTION... SCRIPT ARGUMENT...
  sbatch --parsable --nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=1 --output=job.log "$@"
}

check_answers() {
  /usr/bin/python3 "$here/answers.py" equal whole.jsonl out.jsonl || fail "other answers"
  "$talus" audit -i in.jsonl -o out.jsonl > audit.log || fail "audit"
}

# A job that is too long for its limit requeues itself until it is done. Slurm's shortest limit is a
# minute: the margin leaves five seconds of it at most, or none on a busy machine, and more after a
# restart. So four ranks must have more to do: what takes one rank twenty seconds and more.
case_requeue() {
  local job
  make_requests "$(sed -n 's/.* tokens in \([0-9.]*\) s: .*/\1/p' whole.log |
    awk '{ print int(700 * (22 / $1 > 1 ? 22 / $1 : 1)) }')"
  echo "time-margin: 55" > run.yaml
  on_requeue() { echo "time-margin: 10" > run.yaml; }
  job=$(submit "$source/jobs/slurm/talus.sbatch" "$source/jobs/demo/dense" in.jsonl out.jsonl \
    --threads 1 --max-num-seqs 4 --config run.yaml)
  wait_for "$job"
  [ "$(state_of "$job" Restarts)" -ge 1 ] || fail "it was not requeued"
  grep -q "s are left (Slurm)" job.log || fail "the limit is not known"
  grep -q "resumed: " job.log || fail "it was not resumed"
  echo "$(state_of "$job" Restarts) restarts"
  check_answers
}

# A signal to the job's steps, as `sbatch --signal` or an operator sends it, stops it likewise.
case_signal() {
  local job
  job=$(submit --time=10 "$source/jobs/slurm/talus.sbatch" "$source/jobs/demo/dense" in.jsonl \
    out.jsonl --threads 1 --max-num-seqs 2)
  for _ in $(seq 600); do
    [ ! -s out.jsonl ] || break
    sleep 0.1
  done
  scancel --signal=USR1 "$job"
  wait_for "$job"
  grep -q "stopped: " job.log || fail "it was not stopped"
  check_answers
}

# Each task of an array has a file of its own.
case_array() {
  local job part
  for part in 0 1 2; do
    awk "NR % 3 == $part && NR <= 60" in.jsonl > requests.$part.jsonl
  done
  job=$(submit --nodes=1 --time=10 --array=0-2 "$source/jobs/slurm/array.sbatch" "$source/jobs/demo/dense" . \
    --threads 1)
  for part in 0 1 2; do
    wait_for "${job}_$part"
    "$talus" audit -i requests.$part.jsonl -o answers.$part.jsonl > audit.log || fail "part $part"
  done
}

# A step of one node in a job of two: warned of in words that say so, refused where all are asked for.
case_step() {
  local job run="--mpi=pmix -n2 talus run --threads 1 --model $source/jobs/demo/dense -i few.jsonl"
  head -n 4 in.jsonl > few.jsonl
  cat > steps.sh << END
#!/bin/bash
srun -N2 $run -o both.jsonl --require-all-nodes > both.log 2>&1
srun -N1 $run -o part.jsonl > part.log 2>&1
srun -N1 $run -o refused.jsonl --require-all-nodes > refused.log 2>&1
echo "code \$?" >> refused.log
END
  job=$(submit steps.sh)
  wait_for "$job"
  ! grep -q "have no rank" both.log || fail "a step on all nodes is warned of"
  grep -q "warning: 1 of the 2 nodes .* no rank: n2 (this job step was given 1; they" part.log ||
    fail "a step on one node is not told"
  [ -s part.jsonl ] || fail "a step on one node did not run"
  grep -q -- "--require-all-nodes: 1 of the 2 nodes" refused.log && grep -q "code 2" refused.log &&
    [ ! -e refused.jsonl ] || fail "not refused"
}

# Two programs in one step: two clients, and an engine on the other node.
case_mpmd() {
  local job model=$source/jobs/demo/dense
  awk '!/no_such_parameter/ && n++ < 60' in.jsonl > some.jsonl
  "$talus" run --model "$model" -i some.jsonl -o some_whole.jsonl --threads 1 2> some.log ||
    fail "the run of some"
  cat > programs.conf << END
0-1 $(dirname "$talus")/talus_engine_client 2 some.jsonl out
2-3 $talus engine --model $model -tp 2 --threads 1 --kv-cache-memory 8M
END
  printf '#!/bin/bash\nsrun --multi-prog programs.conf\n' > mpmd.sbatch
  job=$(submit --time=10 mpmd.sbatch)
  wait_for "$job"
  grep -q "serves the other programs" job.log || fail "no engine"
  cat out.0 out.1 > out.jsonl
  /usr/bin/python3 "$here/answers.py" equal some_whole.jsonl out.jsonl || fail "other answers"
}

"case_$name"
