#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   scheduler_test.sh CASE TALUS SOURCE_DIR MPIEXEC...
#
# The batch scripts of schedulers that are not there, executed: programs of the same names stand in
# for them, which take what the manuals say that they take, give jobs the environment that was
# recorded of the real ones, and start ranks by the launcher that there is. A case is one of the
# functions case_* below.
# shellcheck source=tests/jobs/command_support.sh
. "$(dirname "${BASH_SOURCE[0]}")/command_support.sh"

queue=$work/queue # of job N: N.script, and what the scheduler keeps beside it
mkdir "$queue" bin
ln -s "$source/jobs" jobs # jobs submit themselves again from the clone's folder
PATH=$work/bin:$(dirname "$talus"):$PATH

# stand_in NAME: a program whose text comes from standard input, behind what all of them begin with.
stand_in() {
  {
    printf '#!/bin/bash\nset -euo pipefail\n'
    printf 'queue=%q launcher=(%s)\n' "$queue" "$(printf '%q ' "${launcher[@]}")"
    # shellcheck disable=SC2016
    printf '%s\n' 'refuse() { echo "$0: not as the manual says: $*" >&2; exit 2; }'
    cat
  } > "bin/$1"
  chmod +x "bin/$1"
}

num_jobs() { find "$queue" -name '*.script' | wc -l; }

# run_job NUMBER VARIABLE=VALUE... -- ARGUMENT...: in an environment of its own, from a copy of the
# script, in another folder than it was submitted from unless the scheduler keeps that.
run_job() {
  local number=$1 variables=()
  shift
  while [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done
  mapfile -t -O ${#variables[@]} variables < <(env | grep -E '^(OMPI|PRTE|OMP|MPIR|HYDRA)_')
  env -i PATH="$PATH" HOME="$work" TZ="${TZ:-}" "${variables[@]}" bash "$queue/$number.script" "${@:2}"
}

# As soon as the output has so many lines, one of the ranks gets a signal.
signal_behind() { # LINES JOB'S_PROCESS
  local ranks
  until [ -f out.jsonl ] && [ "$(wc -l < out.jsonl)" -ge "$1" ]; do
    kill -0 "$2" 2> /dev/null || fail "the job ended early"
    sleep 0.05
  done
  mapfile -t ranks < <(talus_processes)
  kill -USR1 "${ranks[1]}"
}

# life_of SUBMIT RUN SET_TIME: a job that has no time, one that is signalled, one that ends; each
# begins where the one before was. Then one that fails, and isn't submitted again.
life_of() {
  local submit=$1 run=$2 set_time=$3 number job
  killed requests "$problems" 700 > in.jsonl
  demo 0 dense in.jsonl whole.jsonl 2> log || fail "the run that nobody disturbs"
  $submit "$demo/dense" in.jsonl out.jsonl > log 2>&1 || fail "submission"
  $set_time 29
  $run 1 > log 2>&1 || fail "job 1"
  grep -q "requests are left" log || fail "job 1 had time"
  [ "$(num_jobs)" -eq 2 ] || fail "job 1 did not submit itself again"
  $set_time 3600
  $run 2 > log 2>&1 &
  job=$!
  signal_behind 20 $job
  wait $job || fail "job 2"
  [ "$(num_jobs)" -eq 3 ] || fail "job 2 did not submit itself again"
  $run 3 > log 2>&1 || fail "job 3"
  grep -q "resumed: " log || fail "job 3 did not go on"
  [ "$(num_jobs)" -eq 3 ] || fail "job 3 submitted itself again"
  answers equal whole.jsonl out.jsonl
  expect 0 "complete: " "$talus" audit -i in.jsonl -o out.jsonl
  /usr/bin/python3 -c 'import json, sys; sys.exit(json.load(open("out.jsonl.status"))["state"] != "done")' ||
    fail "the status file"
  $submit nowhere in.jsonl none.jsonl > log 2>&1 || fail "submission"
  number=$(num_jobs)
  local code=0
  $run "$number" > log 2>&1 || code=$?
  [ $code -eq 2 ] || fail "the code of a job that fails is $code"
  [ "$(num_jobs)" -eq "$number" ] || fail "a job that failed submitted itself again"
}

# OpenPBS: qsub [-v NAME=VALUE,...] SCRIPT; a job begins in the user's home.
case_pbs() {
  stand_in qsub << 'END'
[ $# -eq 3 ] && [ "$1" = -v ] && [ -f "$3" ] || refuse "$@"
number=$(($(find "$queue" -name '*.script' | wc -l) + 1))
tr , '\n' <<< "$2" > "$queue/$number.variables"
pwd > "$queue/$number.folder"
cp "$3" "$queue/$number.script"
echo "$number.pbs-01"
END
  stand_in qstat << 'END'
[ $# -eq 2 ] && [ "$1" = -f ] && [ "$2" = "${PBS_JOBID:-}" ] || refuse "$@"
printf 'Job Id: %s\n    Job_Name = talus.pbs\n    job_state = R\n' "$2"
printf '    Resource_List.walltime = %s\n    stime = %s\n' "$(cat "$queue/walltime")" \
  "$(date '+%a %b %e %H:%M:%S %Y')"
END
  stand_in mpiexec << 'END'
[ -n "${PBS_JOBID:-}" ] && [[ $1 != -* ]] || refuse "$@"
exec "${launcher[@]}" 4 "$@"
END
  printf 'n1.site.org\nn1.site.org\nn2.site.org\nn2.site.org\n' > nodes
  life_of pbs_submit pbs_run pbs_set_time
}

pbs_submit() { qsub -v "model=$1,requests=$2,answers=$3" jobs/pbs/talus.pbs; }

pbs_set_time() { printf '%02d:%02d:%02d\n' $(($1 / 3600)) $(($1 / 60 % 60)) $(($1 % 60)) > "$queue/walltime"; }

pbs_run() { # NUMBER
  local variables
  mapfile -t variables < "$queue/$1.variables"
  (cd / && run_job "$1" "${variables[@]}" PBS_JOBID="$1.pbs-01" PBS_ENVIRONMENT=PBS_BATCH \
    PBS_JOBNAME=talus.pbs PBS_NODEFILE="$work/nodes" PBS_NODENUM=0 PBS_TASKNUM=1 PBS_QUEUE=workq \
    PBS_O_WORKDIR="$(cat "$queue/$1.folder")" PBS_O_HOST=login NCPUS=64 --)
}

# Flux: a batch job is an instance of its own, in which `flux run` starts ranks, and whose parent is
# the one that knows its queue.
case_flux() {
  stand_in flux << 'END'
parent=local:///run/flux/local
case $1 in
  batch) # SCRIPT ARGUMENT...
    [ -f "$2" ] && [ "${FLUX_URI:-$parent}" = "$parent" ] || refuse "$@"
    number=$(($(find "$queue" -name '*.script' | wc -l) + 1))
    printf '%s\n' "${@:3}" > "$queue/$number.arguments"
    cp "$2" "$queue/$number.script"
    echo "f$number" ;;
  run)
    shift
    nodes='' tasks=''
    while [[ $1 == -* ]]; do
      case $1 in
        --nodes=*) nodes=${1#*=} ;;
        --tasks-per-node=*) tasks=${1#*=} ;;
        --exclusive) ;;
        -o) shift && [ "$1" = cpu-affinity=per-task ] || refuse "$@" ;;
        *) refuse "$@" ;;
      esac
      shift
    done
    # (Open MPI's mpirun would talk to a Flux, and falls over where there is none.)
    exec env -u FLUX_JOB_ID -u FLUX_URI "${launcher[@]}" $((nodes * tasks)) env \
      FLUX_JOB_ID=fTask FLUX_JOB_NNODES="$nodes" \
      FLUX_JOB_SIZE=$((nodes * tasks)) "$@" ;;
  job)
    [ $# -eq 2 ] && [ "$2" = timeleft ] && [ -n "${FLUX_JOB_ID:-}" ] || refuse "$@"
    cat "$queue/timeleft" ;;
  getattr)
    [ $# -eq 2 ] && [ "$2" = parent-uri ] && [ "${FLUX_URI:-}" != "$parent" ] || refuse "$@"
    echo "$parent" ;;
  proxy) # URI COMMAND...
    [ "$2" = "$parent" ] || refuse "$@"
    FLUX_URI=$2 exec "${@:3}" ;;
  *) refuse "$@" ;;
esac
END
  life_of flux_submit flux_run flux_set_time
}

flux_submit() { flux batch jobs/flux/talus.flux "$@" --threads 1; }

flux_set_time() { echo "$1.5" > "$queue/timeleft"; }

flux_run() { # NUMBER
  local arguments
  mapfile -t arguments < "$queue/$1.arguments"
  run_job "$1" FLUX_JOB_ID="f$1" FLUX_URI="local:///tmp/flux-$1/local-0" -- "${arguments[@]}"
}

run_case
