#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ends a run again and again before it is done, goes on from its ledger each time, and compares the answers.

    killed.py requests PROBLEMS NUMBER    requests of many kinds, to standard output
    killed.py cut OUTPUT LEDGER SEED      both files cut somewhere, as a crash may leave them
    killed.py run [--by stop|limit] --kills N --seed S --requests IN --expected OUT -- COMMAND...

`run` starts COMMAND {grid}, which writes OUT.killed.jsonl, under a launcher with a grid drawn each
time, and kills either all of its ranks and the launcher or one rank: mostly once the ledger has
grown by some bytes, else after some time, so also while it starts. With `--by stop` it sends a
signal that asks to stop instead, to one rank, to all or to the launcher; with `--by limit` each run
has a time limit of seconds: then the exit code must be that of a run that stopped on purpose. No
moment decides whether the test passes. In the end every request must be there once, and equal to the answer of a run that
nobody disturbed.
"""

import argparse
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import answers

CHAT = "/v1/chat/completions"
PROMPT = {"prompt": "What is", "temperature": 1.5, "max_tokens": 48}

# What an answer may depend on beside its tokens, so that it must survive too. A chat gets the
# problem's messages, a completion has a prompt.
KINDS: list[dict] = [
    {},
    {"temperature": 1.0, "n": 3, "ignore_eos": True, "max_completion_tokens": 150},
    {"temperature": 0.9, "logprobs": True, "top_logprobs": 2},
    {"stop": ["="], "include_stop_str_in_output": True},
    PROMPT | {"logprobs": 3, "presence_penalty": 0.7, "frequency_penalty": 0.4},
    PROMPT | {"repetition_penalty": 1.3, "min_tokens": 20, "seed": 11},
    PROMPT | {"best_of": 3, "n": 2, "return_token_ids": True},
    {"prompt_logprobs": 1, "ignore_eos": True, "max_completion_tokens": 100},
    PROMPT | {"echo": True, "logprobs": 1, "ignore_eos": True},
    {"no_such_parameter": 1},
    {"thinking_token_budget": 4, "max_completion_tokens": 40},
    PROMPT | {"repetition_detection": {"max_pattern_size": 1, "min_count": 4},
              "allowed_token_ids": [16, 17]},
    PROMPT | {"bad_words": ["1"], "logit_bias": {"20": -5}, "stop": ["zzz", "9"]},
]


def make_requests(problems: str, number: int) -> None:
    lines = open(problems, encoding="utf-8").read().splitlines()
    for i in range(number):
        request = json.loads(lines[i % len(lines)])
        kind = KINDS[i % len(KINDS)]
        request["custom_id"] = f"request-{i}"
        if "prompt" in kind:
            request |= {"url": "/v1/completions", "body": {}}
        request["body"] |= kind
        print(json.dumps(request))


def cut(output: str, ledger: str, seed: int) -> None:
    """A crash: the ledger ends anywhere behind its first record, the output as far or further."""
    draw = random.Random(seed)
    size = os.path.getsize(ledger)
    first = 16 + int.from_bytes(open(ledger, "rb").read(12)[8:], "little")
    os.truncate(ledger, draw.randint(first, size))
    if draw.random() < 0.5:  # else the output has more than the ledger knows
        os.truncate(output, draw.randint(0, os.path.getsize(output)))


def processes() -> dict[int, tuple[int, str]]:
    """Parent and name of every process."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, rest = (folder / "stat").read_text().rsplit(")", 1)
                found[int(folder.name)] = int(rest.split()[1]), name.split("(", 1)[1]
            except OSError:
                pass  # it is gone
    return found


def ranks_of(launcher: int, program: str) -> list[int]:
    all_of_them = processes()

    def is_below(pid: int) -> bool:
        while pid in all_of_them and pid != launcher:
            pid = all_of_them[pid][0]
        return pid == launcher

    return sorted(pid for pid, (_, name) in all_of_them.items()
                  if name == program[:15] and is_below(pid))


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of a signal."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def kill(pids: list[int], number: signal.Signals = signal.SIGKILL) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Killer:
    """Runs the command under changing grids and kills it."""

    GRIDS = (("4", "-dp 4"), ("4", "-dp 2 -tp 2"), ("4", "-pp 2 -dp 2"), ("4", "-tp 4"),
             ("4", "-tp 2 -pp 2"), ("2", "-dp 2"), ("3", "-dp 3"), ("1", "-tp 1"))

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.command = arguments.command
        self.by = arguments.by
        self.draw = random.Random(arguments.seed)
        self.output = arguments.expected + ".killed.jsonl"
        self.ledger = pathlib.Path(self.output + ".ledger")
        self.log = arguments.expected + ".log"
        self.is_first = True
        self.start_up = 1.0  # seconds from a start to the first new record, as last seen

    def start(self) -> subprocess.Popen:
        ranks, grid = self.draw.choice(self.GRIDS)
        extra = f"{grid} --max-num-seqs {self.draw.choice((3, 4, 64))} -o {self.output}".split()
        if self.by == "limit":
            # The first has no time but its margin, and so can't be done before.
            seconds = 1 if self.is_first else self.draw.randint(1, 4)
            extra += ["--time-margin", "1", "--time-limit", f"0:{seconds:02}"]
        command = [ranks if word == "{ranks}" else word for word in self.command] + extra
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(self.log, "a"),
                                stdin=subprocess.DEVNULL)

    def ledger_bytes(self) -> int:
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    def wait_for_moment(self, process: subprocess.Popen) -> list[int]:
        """The ranks that were there, as soon as the moment has come or the run has ended."""
        program = os.path.basename(self.program_path())
        ranks: list[int] = []
        started = time.monotonic()
        end = started + self.draw.uniform(0.02, self.start_up)
        before = self.ledger_bytes()
        target = before + self.draw.randint(1, 4000)
        by_time = self.draw.random() < 0.3
        while process.poll() is None:
            if by_time and time.monotonic() > end:
                return ranks
            if not by_time and self.ledger_bytes() >= target:
                self.start_up = time.monotonic() - started
                return ranks
            if self.ledger_bytes() == before:  # its work has not begun
                ranks = ranks_of(process.pid, program)
            time.sleep(0.002)
        return ranks

    def run_and_kill(self) -> bool:
        """Whether the run was killed before its end."""
        process = self.start()
        ranks = self.wait_for_moment(process)
        was_running = process.poll() is None
        if was_running and ranks and self.draw.random() < 0.5:
            kill([self.draw.choice(ranks)])
        elif was_running:
            kill(ranks + [process.pid])
        code = process.wait()
        kill(ranks)  # those that outlived their launcher, which is not what is tested
        if not was_running:
            answers.need(code == 0, f"exit code {code}: {self.log_tail()}")
        return was_running and code != 0

    def run_and_stop(self) -> bool:
        """Whether the run was asked to stop and did so before its end."""
        process = self.start()
        ranks = self.wait_for_ranks(process) if self.is_first else self.wait_for_moment(process)
        number = self.draw.choice((signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM))
        while ranks and process.poll() is None and not all(catches(rank, number) for rank in ranks):
            time.sleep(0.002)  # before, it would die of it
        whom = self.draw.choice(("one", "all", "launcher"))
        if ranks and process.poll() is None:
            if whom == "launcher" and number != signal.SIGTERM:  # which ends it without grace
                kill([process.pid], number)
            else:
                kill(ranks if whom == "all" else [self.draw.choice(ranks)], number)
        return self.wait_for_stop(process)

    def wait_for_ranks(self, process: subprocess.Popen) -> list[int]:
        """All ranks, as soon as they are there: a signal comes before their first step."""
        ranks: list[int] = []
        number = int(process.args[process.args.index(self.program_path()) - 1])
        while process.poll() is None and len(ranks) < number:
            ranks = ranks_of(process.pid, os.path.basename(self.program_path()))
        return ranks

    def program_path(self) -> str:
        return next(word for word in self.command if word.endswith("talus"))

    def wait_for_stop(self, process: subprocess.Popen) -> bool:
        code = process.wait()
        answers.need(code in (0, 75), f"exit code {code}: {self.log_tail()}")
        return code == 75

    def end_early(self) -> bool:
        if self.by == "limit":
            return self.wait_for_stop(self.start())
        return self.run_and_stop() if self.by == "stop" else self.run_and_kill()

    def finish(self) -> None:
        self.by = "itself"
        process = self.start()
        answers.need(process.wait() == 0, f"the last run failed: {self.log_tail()}")

    def log_tail(self) -> str:
        return open(self.log, encoding="utf-8").read()[-3000:]


def run(arguments: argparse.Namespace) -> None:
    killer = Killer(arguments)
    killed = 0
    for _ in range(arguments.kills):
        killed += killer.end_early()
        killer.is_first = False
    killer.finish()
    answers.check_equal([arguments.expected, killer.output])
    lines = sum(1 for _ in open(killer.output, encoding="utf-8"))
    expected = sum(1 for _ in open(arguments.requests, encoding="utf-8"))
    answers.need(lines == expected, f"{lines} answers to {expected} requests")
    log = open(killer.log, encoding="utf-8").read()
    saved = sum(int(number) for number in re.findall(r"(\d+) of these go on", log))
    if arguments.by != "kill":
        answers.need(log.count("stopped: ") >= killed > 0, f"{killed} stops, not all told")
    print(f"{killed} runs ended early, {log.count('resumed: ')} resumptions, {saved} requests gone on with from "
          f"saved tokens, {lines} answers, all equal")


def main() -> None:
    if sys.argv[1:2] == ["requests"]:
        make_requests(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:2] == ["cut"]:
        cut(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["run"]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--by", choices=("kill", "stop", "limit"), default="kill")
        parser.add_argument("--kills", type=int, required=True)
        parser.add_argument("--seed", type=int, required=True)
        parser.add_argument("--requests", required=True)
        parser.add_argument("--expected", required=True)
        parser.add_argument("command", nargs="+")
        run(parser.parse_args(sys.argv[2:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
