#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a run of the talus command asks of the system, seen by strace.

    policy.py ONLY_MPI -- TALUS run ... -o OUT --trace DIR --status FILE

Three things must hold: no network call that a program of nothing but MPI doesn't make too; no file
is made, changed or removed but the output, its ledger, the trace, the status file, and what MPI has
in TMPDIR and shared memory; no other program is started. Exit code 77: strace doesn't work here.
"""

import os
import re
import subprocess
import sys

NETWORK = re.compile(r"^(socket|connect|bind|listen|accept4?|sendto|sendmsg|recvfrom|recvmsg)\(")
CHANGES = re.compile(r"^(open|openat|creat|mkdir|mkdirat|rename|renameat2?|unlink|unlinkat|rmdir|"
                     r"link|linkat|symlink|symlinkat|truncate|chmod|fchmodat|chown|fchownat)\(")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def calls_of(command: list[str], log: str) -> list[str]:
    """The system calls of a command that did what they should, without their process."""
    strace = ["strace", "-f", "-qq", "-s", "4096", "-e", "signal=none",
              "-e", "trace=%network,%file,openat", "-o", log]
    code = subprocess.run(strace + command, stdout=subprocess.DEVNULL).returncode
    if code != 0:
        sys.exit(f"policy.py: exit code {code} of {command}")
    calls = []
    for line in open(log, encoding="utf-8", errors="replace"):
        call = re.sub(r"^\d+\s+", "", line.strip())
        if " = -1 " not in call:
            calls.append(call)
    return calls


def network_of(calls: list[str]) -> set[str]:
    """Kinds of network calls: what differs from run to run (descriptors, ports) is cut out."""
    kinds = set()
    for call in filter(NETWORK.match, calls):
        kind = re.sub(r"\(\d+", "(N", call.split(") = ")[0])
        kinds.add(re.sub(r"htons\(\d+\)|pid=\d+|\d{3,}", "N", kind))
    return kinds


def changed_by(calls: list[str]) -> list[str]:
    """Files that calls make, change or remove."""
    files = []
    for call in filter(CHANGES.match, calls):
        is_open = call.startswith("open")
        if not is_open or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", call):
            files += QUOTED.findall(call)
    return files


def is_allowed(file: str, command: list[str]) -> bool:
    output, trace, status = (os.path.abspath(command[command.index(flag) + 1])
                             for flag in ("-o", "--trace", "--status"))
    file = os.path.abspath(file)
    return (file in (output, output + ".ledger", output + ".run.json",
                     output + ".run.json.tmp", status, status + ".tmp", trace, "/dev/null")
            or file.startswith((trace + "/", os.environ["TMPDIR"] + "/", "/dev/shm/")))


def main() -> None:
    split = sys.argv.index("--")
    command = sys.argv[split + 1:]
    if subprocess.run(["strace", "-o", os.devnull, "true"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(77)
    baseline = network_of(calls_of(sys.argv[1:split], "mpi.strace"))
    calls = calls_of(command, "talus.strace")
    if extra := network_of(calls) - baseline:
        sys.exit(f"policy.py: network calls beyond those of MPI: {sorted(extra)}")
    changed = changed_by(calls)
    if wrong := [file for file in changed if not is_allowed(file, command)]:
        sys.exit(f"policy.py: files changed: {sorted(set(wrong))}")
    if not any(file.endswith(".ledger") for file in changed):
        sys.exit("policy.py: the ledger was not seen, so nothing is")
    programs = [call for call in calls if call.startswith("execve(")]
    if len(programs) != 1:
        sys.exit(f"policy.py: programs started: {programs}")


if __name__ == "__main__":
    main()
