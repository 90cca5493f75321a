# SPDX-License-Identifier: Apache-2.0
# To be sourced: a Slurm of one's own on this machine, of emulated nodes n1, n2, ...
#
#   slurm_is_there                  whether its programs are
#   start_slurm FOLDER NODES CPUS   starts munged, slurmctld, slurmds; exports SLURM_CONF
#   stop_slurm                      ends what was started

slurm_programs=(munged slurmctld slurmd sbatch srun scontrol)

slurm_is_there() {
  local program
  for program in "${slurm_programs[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" > /dev/null ||
      { echo "no $program: skipped" >&2; return 1; }
  done
}

# The first of some ports in a row that nobody has, below those that the system gives to connections.
free_ports() { # COUNT
  /usr/bin/python3 - "$1" << 'END'
import contextlib, random, socket, sys

count = int(sys.argv[1])
while True:
    first = random.randrange(12000, 32000 - count)
    with contextlib.ExitStack() as held:
        try:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("", port))
        except OSError:
            continue
    print(first)
    break
END
}

write_slurm_conf() { # FOLDER NODES CPUS PORT
  cat > "$1/slurm.conf" << END
ClusterName=talus_test
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$4
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthInfo=socket=$1/munge.socket
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool.%n
TmpFS=$1/tmp.%n
SlurmctldPidFile=$1/slurmctld.pid
SlurmdPidFile=$1/slurmd.%n.pid
SlurmctldLogFile=$1/slurmctld.log
SlurmdLogFile=$1/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=pmix
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=n[1-$2] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$(($4 + 1))-$(($4 + $2))] CPUs=$3
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
  echo "CgroupPlugin=cgroup/v1" > "$1/cgroup.conf"
}

start_slurm() {
  local folder=$1 nodes=$2 node
  export PATH=$PATH:/usr/sbin:/sbin SLURM_CONF=$folder/slurm.conf
  mkdir -p "$folder/state"
  chmod 755 "$folder"
  head -c 1024 /dev/urandom > "$folder/munge.key"
  chmod 600 "$folder/munge.key"
  munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
  write_slurm_conf "$folder" "$nodes" "$3" "$(free_ports $((nodes + 1)))"
  slurmctld -c
  for node in $(seq "$nodes"); do
    mkdir -p "$folder/spool.n$node" "$folder/tmp.n$node" # emulated nodes share a host
    slurmd -N "n$node"
  done
  for _ in $(seq 300); do
    ! grep -q "fatal: " "$folder/slurmctld.log" || break
    ! are_nodes_idle "$nodes" || return 0
    sleep 0.1
  done
  tail -n 5 "$folder"/*.log >&2
  return 1
}

are_nodes_idle() { # NODES
  [ "$(sinfo --noheader --states=idle --format=%D)" = "$1" ]
}

stop_slurm() {
  local folder pids=() file
  folder=$(dirname "$SLURM_CONF")
  # Without a controller, its programs would try for minutes to reach it.
  if [ -s "$folder/slurmctld.pid" ] && kill -0 "$(cat "$folder/slurmctld.pid")" 2> /dev/null; then
    scancel --user="$(id -un)" 2> /dev/null || true
    for _ in $(seq 100); do
      [ -n "$(squeue --noheader 2> /dev/null)" ] || break
      sleep 0.1
    done
  fi
  for file in "$folder"/slurmd.*.pid "$folder"/{slurmctld,munged}.pid; do
    [ ! -s "$file" ] || pids+=("$(cat "$file")")
  done
  kill "${pids[@]}" 2> /dev/null || true
  for _ in $(seq 100); do
    kill -0 "${pids[@]}" 2> /dev/null || return 0
    sleep 0.1
  done
}
