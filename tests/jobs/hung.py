#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one rank of a run hang from outside, and checks who the watchdog blames.

    hung.py KIND --limit S --rounds N --seed S --work DIR [--block LIBRARY]
            -- COMMAND...

KIND: `stop` and `kill` send a signal to a rank drawn at random, at a random moment from when the
watchdog is there; `fifo`: nobody reads the output; `output`, `trace`, `model`: reads or writes of
that file block on one rank (block_calls.cpp). COMMAND holds {ranks}, and gets a grid, the output
and the limit. How long it took is told; that it ends at all is what is tested.
"""

import argparse
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import answers
import killed

EXIT_HUNG = 70
GRIDS = (("2", "-tp 2"), ("2", "-dp 2"), ("3", "-pp 3"), ("4", "-tp 2 -pp 2"), ("4", "-tp 4"),
         ("4", "-dp 2 -tp 2"), ("6", "-dp 3 -tp 2"), ("3", "-dp 3"))


def rank_of(pid: int) -> int:
    """The rank of a process in the job."""
    variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    for name in (b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK=", b"PMIX_RANK="):
        for variable in variables:
            if variable.startswith(name):
                return int(variable[len(name):])
    sys.exit(f"no rank in the environment of process {pid}")


def is_there(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Round:
    """One run that is made to hang."""

    def __init__(self, arguments: argparse.Namespace, number: int, draw: random.Random) -> None:
        self.arguments = arguments
        self.draw = draw
        self.number = number
        self.work = pathlib.Path(arguments.work) / f"{arguments.kind}{number}"
        self.work.mkdir()
        self.output = self.work / "out.jsonl"
        self.ledger = self.work / "out.jsonl.ledger"
        self.log = self.work / "log"
        self.trace = self.work / "trace"
        self.once = self.work / "block"
        self.ranks, self.grid = draw.choice(GRIDS)
        self.victim = draw.randrange(int(self.ranks))
        if arguments.kind in ("fifo", "output", "model"):
            self.victim = 0  # who writes answers, and surely reads the one file of weights

    def start(self) -> subprocess.Popen:
        command = [self.ranks if word == "{ranks}" else word for word in self.arguments.command]
        command += (f"{self.grid} -o {self.output} --trace {self.trace} "
                    f"--hang-timeout {self.arguments.limit}").split()
        environment = dict(os.environ)
        if self.arguments.kind == "fifo":
            os.mkfifo(self.output)
            command += ["--overwrite"]
        if self.arguments.kind in ("output", "trace", "model"):
            name = {"output": "out.jsonl", "trace": f"trace.{self.victim:05}.h5",
                    "model": "model.safetensors"}[self.arguments.kind]
            environment |= {"LD_PRELOAD": self.arguments.block, "BLOCK_FILE": name,
                            "BLOCK_RANK": str(self.victim), "BLOCK_ONCE": str(self.once)}
        if self.arguments.kind == "model":
            self.once.touch()
        if self.arguments.kind == "kill" and self.number % 2 == 1:
            environment["OMPI_MCA_orte_enable_recovery"] = "1"  # the launcher lets the others go on
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(self.log, "w"),
                                stdin=subprocess.DEVNULL, env=environment)

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def has_begun(self) -> bool:
        return "grid: " in self.text()

    def ledger_bytes(self) -> int:
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    def wait_for_moment(self, process: subprocess.Popen) -> None:
        while process.poll() is None and not self.has_begun():
            time.sleep(0.002)
        if self.draw.random() < 0.4:
            time.sleep(self.draw.uniform(0, 0.3))
            return
        target = self.draw.randint(500, 4000)
        while process.poll() is None and self.ledger_bytes() < target:
            time.sleep(0.002)

    def hurt(self, process: subprocess.Popen) -> int:
        """Makes the victim hang; its process id, 0 if it isn't by a signal."""
        if self.arguments.kind in ("fifo", "model"):
            while process.poll() is None and not self.has_begun():
                time.sleep(0.002)
            return 0
        self.wait_for_moment(process)
        if self.arguments.kind in ("output", "trace"):
            self.once.touch()
            return 0
        program = os.path.basename(next(word for word in self.arguments.command
                                        if word.endswith("talus")))
        for pid in killed.ranks_of(process.pid, program):
            if rank_of(pid) == self.victim:
                os.kill(pid, signal.SIGSTOP if self.arguments.kind == "stop" else signal.SIGKILL)
                return pid
        return 0

    def check_report(self, pid: int) -> str:
        """What is said of the victim."""
        text = self.text()
        named = re.findall(r"rank (\d+) on (\S+) \(pid (\d+)\): (.*)$", text, re.M)
        answers.need([int(found[0]) for found in named] == [self.victim],
                     f"{self.grid}: rank {self.victim} is to blame, named are {named}:\n{text}")
        _, host, named_pid, what = named[0]
        answers.need(os.uname().nodename.split(".")[0] == host, f"{host} is not this host")
        answers.need(pid in (0, int(named_pid)), f"process {named_pid} is not {pid}")
        meaning = {"stop": "stopped by a signal", "kill": "is gone", "fifo": "out.jsonl",
                   "output": "out.jsonl", "trace": ".h5", "model": "in a call on a file: read"}
        answers.need(meaning[self.arguments.kind] in what, f"said of the rank: {what}\n{text}")
        # The others wait in a call that has a name, a number and a group.
        waits = re.findall(r"wait\S* .*for \d+ s: \S.* #\d+ of \S+.* \(\d+ ranks\)", text)
        alone = not waits and "-dp" in self.grid  # its replica is only it, and nobody needs it yet
        answers.need(waits or alone, f"{self.grid}: nobody is said to wait:\n{text}")
        return what

    def run(self) -> bool:
        """Whether the run hung, as meant; it may have ended before."""
        process = self.start()
        pid = self.hurt(process)
        started = time.monotonic()
        code = process.wait()
        seconds = time.monotonic() - started
        name = f"{self.arguments.kind}, {self.ranks} ranks {self.grid}, rank {self.victim}"
        has_report = "the job hangs" in self.text()
        if code == 0 and not has_report:
            print(f"{name}: had ended before", flush=True)
            return False
        if self.arguments.kind == "kill" and not has_report:
            print(f"{name}: the launcher ended the job in {seconds:.1f} s, exit code {code}",
                  flush=True)
            return True
        # A launcher that lets ranks die has an exit code of its own.
        is_code = code == EXIT_HUNG or self.arguments.kind == "kill"
        answers.need(is_code, f"{name}: exit code {code}:\n{self.text()}")
        what = self.check_report(pid)
        deadline = time.monotonic() + 30
        while pid and is_there(pid):
            answers.need(time.monotonic() < deadline, f"{name}: process {pid} is still there")
            time.sleep(0.05)
        self.check_trace()
        print(f"{name}: {seconds:.1f} s of {self.arguments.limit}: {what}", flush=True)
        return True

    def check_trace(self) -> None:
        """All ranks' files can be read, and hold steps if the run had come to some."""
        if self.arguments.kind == "trace" or self.ledger_bytes() < 2000:
            return
        import h5py  # pylint: disable=import-outside-toplevel
        for rank in range(int(self.ranks)):
            with h5py.File(self.trace / f"trace.{rank:05}.h5", locking=False) as trace:
                answers.need(trace.attrs["complete"] == 0, "a trace says that it is complete")
                answers.need(rank == self.victim or len(trace["steps"]) > 0,
                             f"{self.grid}: the trace of rank {rank} has no steps")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("stop", "kill", "fifo", "output", "trace", "model"))
    parser.add_argument("--limit", required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--block")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    hung = sum(Round(arguments, number, draw).run() for number in range(arguments.rounds))
    answers.need(hung > 0, "no run hung")


if __name__ == "__main__":
    main()
