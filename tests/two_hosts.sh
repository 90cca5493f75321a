#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#   two_hosts.sh SLOTS COMMAND...
#
# Runs a command on the first of two emulated hosts, h1 and h2: network, UTS, IPC and mount
# namespaces on this machine, joined by a pair of virtual Ethernet devices, so that messages between
# them go through TCP, and they share no memory. Open MPI's mpirun and MPICH's mpiexec in COMMAND
# start up to SLOTS ranks on each. Exits with 77 where namespaces aren't allowed or tools are
# missing; nothing is left of the hosts when COMMAND ends.
set -euo pipefail

skip() {
  echo "two_hosts.sh: skipped: $*" >&2
  exit 77
}

if [ -z "${TWO_HOSTS_INSIDE:-}" ]; then
  for tool in unshare nsenter ip; do
    command -v "$tool" > /dev/null || skip "no $tool (packages util-linux, iproute2)"
  done
  enter=(unshare --net --mount --pid --fork --kill-child --mount-proc)
  [ "$(id -u)" -eq 0 ] || enter+=(--user --map-root-user)
  "${enter[@]}" ip link add first type veth peer name second 2> /dev/null ||
    skip "network namespaces aren't allowed here"
  TWO_HOSTS_INSIDE=yes exec "${enter[@]}" "$0" "$@"
fi

slots=$1
shift
hosts=$(mktemp -d)
trap 'rm -rf "$hosts"' EXIT
printf '127.0.0.1 localhost\n10.77.0.1 h1\n10.77.0.2 h2\n' > "$hosts/etc_hosts"
printf 'h1 slots=%s\nh2 slots=%s\n' "$slots" "$slots" > "$hosts/open_mpi"
printf 'h1:%s\nh2:%s\n' "$slots" "$slots" > "$hosts/mpich"

ip link set lo up
ip link add wire1 type veth peer name wire2
for i in 1 2; do
  mkfifo "$hosts/up$i"
  unshare --net --uts --ipc --mount sh -c "hostname h$i
    mount --bind '$hosts/etc_hosts' /etc/hosts
    mount -t tmpfs shm /dev/shm
    echo up > '$hosts/up$i'
    exec sleep infinity" &
  pid=$!
  echo "$pid" > "$hosts/pid.h$i"
  read -r _ < "$hosts/up$i" # the namespaces are there
  ip link set "wire$i" netns "$pid"
  nsenter -t "$pid" --net sh -c "ip link set lo up; ip link set wire$i name eth0
    ip addr add 10.77.0.$i/24 dev eth0; ip link set eth0 up"
done

# What launchers call instead of ssh.
cat > "$hosts/agent" << AGENT
#!/bin/sh
while :; do
  case \$1 in -x | -n | -q) shift ;; -l) shift 2 ;; *) break ;; esac
done
host=\$1
shift
exec nsenter -t "\$(cat '$hosts'/pid.\$host)" --net --uts --ipc --mount --root --wd="\$PWD" sh -c "\$*"
AGENT
chmod +x "$hosts/agent"

export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent=$hosts/agent
export OMPI_MCA_orte_default_hostfile=$hosts/open_mpi OMPI_MCA_orte_tmpdir_base=$hosts
export OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader,tcp
# Each host believes that it owns all cores: bound, ranks of both would be on the same.
export OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export HYDRA_LAUNCHER=ssh HYDRA_LAUNCHER_EXEC=$hosts/agent HYDRA_HOST_FILE=$hosts/mpich
export HYDRA_IFACE=eth0

code=0
nsenter -t "$(cat "$hosts/pid.h1")" --net --uts --ipc --mount --root --wd="$PWD" "$@" || code=$?
for i in 1 2; do
  kill "$(cat "$hosts/pid.h$i")" 2> /dev/null || true
done
exit $code
