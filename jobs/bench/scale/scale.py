#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what a run of any number of ranks asks of MPI, the memory and the files.

    scale.py KIND --ranks 4,8,16 --talus TALUS --counts LIBRARY --only-mpi PROGRAM --model DIR
             -i REQUESTS [--work DIR] -- LAUNCHER... -n

KIND is one of
    calls     calls of MPI's functions by phase, processes' memory, time until all is ready
    messages  what Open MPI sends for them, those of which collectives are made included
    files     files opened, looked at and changed, by strace
    check     that calls at the start stay within their bounds (bounds.py): exit code 1 if not

Grids are dp N/4 x pp 2 x tp 2. LIBRARY is talus_mpi_counts, PROGRAM talus_only_mpi. Tables are
Markdown's; a count of calls or messages is a rank's mean, and the most of any rank behind it.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

import bounds

MEGA = 1 << 20


class Job:
    """Runs of one number of ranks."""

    def __init__(self, arguments: argparse.Namespace, ranks: int) -> None:
        self.arguments = arguments
        self.ranks = ranks
        self.work = pathlib.Path(arguments.work) / f"ranks{ranks}"
        self.work.mkdir(parents=True, exist_ok=True)

    def talus(self, requests: str) -> list[str]:
        grid = f"-dp {self.ranks // 4} -pp 2 -tp 2".split()
        return [self.arguments.talus, "run", "--model", self.arguments.model, "-i", requests,
                "-o", str(self.work / "out.jsonl"), "--overwrite", "--threads", "1",
                "--trace", str(self.work / "trace"), *grid]

    def run(self, command: list[str], **variables: str) -> None:
        full = [*self.arguments.launcher, str(self.ranks), *command]
        done = subprocess.run(full, capture_output=True, text=True, check=False,
                              env=os.environ | variables)
        if done.returncode:
            sys.exit(f"exit code {done.returncode} of {full}:\n{done.stderr}")

    def counted(self, command: list[str]) -> list[dict]:
        """What talus_mpi_counts says of a run: an object for each rank and phase."""
        file = self.work / "counts.jsonl"
        preload = ["env", f"LD_PRELOAD={self.arguments.counts}"]
        self.run(preload + command, TALUS_MPI_COUNTS=str(file))
        return [json.loads(line) for line in file.read_text().splitlines()]

    def empty(self) -> str:
        file = self.work / "empty.jsonl"
        file.write_text("")
        return str(file)

    def sent(self, command: list[str], name: str) -> dict[int, tuple[int, int, int]]:
        """Messages, bytes and peers of each rank, by Open MPI's own count."""
        for old in self.work.glob(f"{name}.*.prof"):
            old.unlink()
        # (Its monitoring of windows breaks MPI_Win_shared_query.)
        self.run(command, OMPI_MCA_osc="^monitoring", OMPI_MCA_pml_monitoring_enable="1",
                 OMPI_MCA_pml_monitoring_enable_output="3",
                 OMPI_MCA_pml_monitoring_filename=str(self.work / name))
        line = re.compile(r"[EI]\t(\d+)\t\d+\t(\d+) bytes\t(\d+) msgs")
        sums = {rank: (0, 0, 0) for rank in range(self.ranks)}
        for file in self.work.glob(f"{name}.*.prof"):
            for found in filter(None, map(line.match, file.read_text().splitlines())):
                rank, size, messages = map(int, found.groups())
                before = sums[rank]
                sums[rank] = (before[0] + messages, before[1] + size, before[2] + (messages > 0))
        return sums

    def traced(self, command: list[str]) -> dict[int, list[str]]:
        """System calls on files of each rank, with their threads'."""
        for old in self.work.glob("strace.*"):
            old.unlink()
        script = ('exec strace -f -qq -s 4096 -e signal=none -e trace=%file -o '
                  f'{self.work}/strace.${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}} "$@"')
        self.run(["bash", "-c", script, "strace", *command])
        return {int(file.suffix[1:]): file.read_text(errors="replace").splitlines()
                for file in self.work.glob("strace.*")}


def most_and_mean(values: list[float]) -> str:
    mean = sum(values) / len(values)
    return f"{mean:.0f}" if mean == max(values) else f"{mean:.1f} ({max(values):.0f})"


def table(rows: list[list[object]]) -> None:
    for number, row in enumerate(rows):
        print("| " + " | ".join(map(str, row)) + " |")
        if number == 0:
            print("|---" * len(row) + "|")
    print(flush=True)


def tell_calls(jobs: list[Job]) -> None:
    results = {job.ranks: job.counted(job.talus(job.arguments.requests)) for job in jobs}
    for phase in ("start", "work", "end"):
        rows: list[list[object]] = [[phase, *results]]
        sums = {ranks: bounds.by_rank(lines, phase) for ranks, lines in results.items()}
        names = sorted({name for of_rank in sums.values() for one in of_rank for name in one})
        for name in names:
            rows.append([name, *(most_and_mean([one.get(name, 0) for one in of_rank])
                                 for of_rank in sums.values())])
        table(rows)
    tell_memory(jobs, results)


def tell_memory(jobs: list[Job], results: dict[int, list[dict]]) -> None:
    only_mpi = {job.ranks: job.counted([job.arguments.only_mpi]) for job in jobs}
    rows: list[list[object]] = [["a rank's mean (most), MB", *results]]
    for title, source, phase in (("only MPI", only_mpi, "start"), ("ready", results, "start"),
                                 ("after the last step", results, "work")):
        for kind in ("pss", "private", "pss_shared", "shared_segments"):
            cells = []
            for lines in source.values():
                values = [one["memory"][kind] / MEGA for one in lines if one["phase"] == phase]
                cells.append(f"{sum(values) / len(values):.1f} ({max(values):.1f})")
            rows.append([f"{title}: {kind}", *cells])
    table(rows)
    rows = [["seconds from MPI_Init on", *results]]
    for title, source in (("only MPI, to its end", only_mpi), ("until ready", results)):
        rows.append([title, *(f"{max(one['seconds'] for one in lines if one['phase'] == 'start'):.2f}"
                              for lines in source.values())])
    table(rows)


def tell_messages(jobs: list[Job]) -> None:
    rows: list[list[object]] = [["without a request, a rank's mean (most)",
                                 *(job.ranks for job in jobs)]]
    talus = [job.sent(job.talus(job.empty()), "talus") for job in jobs]
    only_mpi = [job.sent([job.arguments.only_mpi], "mpi") for job in jobs]
    for title, results in (("only MPI", only_mpi), ("talus", talus)):
        for place, what in enumerate(("messages", "bytes", "peers")):
            rows.append([f"{title}: {what}", *(most_and_mean([one[place] for one in sums.values()])
                                               for sums in results)])
    table(rows)


def kind_of_file(path: str, job: Job) -> str:
    """Whose a file is."""
    named = {"out.jsonl.ledger": "ledger", "out.jsonl.run.json": "record", "out.jsonl": "output",
             "/trace/": "trace", job.arguments.requests: "requests"}
    for part, name in named.items():
        if part in path:
            return name
    if path.startswith(os.path.realpath(job.arguments.model)) or path.startswith(job.arguments.model):
        return "model"
    if re.search(r"\.so\b|/ld\.so|/gconv|locale", path):
        return "libraries"
    if re.match(r"/(proc|sys|etc)\b", path):
        return "system"
    return "MPI and others"


def calls_on_files(job: Job, command: list[str]) -> dict[int, collections.Counter]:
    """Of each rank, by whose file it is and what is done; calls that failed too."""
    call = re.compile(r'\d+\s+(\w+)\([^"]*"([^"]*)"')
    opens = ("open", "openat", "creat")
    return {rank: collections.Counter(
        (kind_of_file(found[2], job), "opens" if found[1] in opens else "other calls")
        for found in filter(None, map(call.match, lines)))
            for rank, lines in job.traced(command).items()}


def tell_files(jobs: list[Job]) -> None:
    for job in jobs:
        only_mpi = calls_on_files(job, [job.arguments.only_mpi])
        talus = calls_on_files(job, job.talus(job.arguments.requests))
        leads = [talus[rank] for rank in range(4, job.ranks, 4)]  # the first ranks of replicas
        others = [talus[rank] for rank in range(job.ranks) if rank % 4]
        rows: list[list[object]] = [[f"calls on files, {job.ranks} ranks", "only MPI, a rank",
                                     "rank 0", "another lead", "another rank"]]
        for name in sorted({name for one in (*talus.values(), *only_mpi.values()) for name in one}):
            rows.append([": ".join(name), most_and_mean([one[name] for one in only_mpi.values()]),
                         talus[0][name], *(most_and_mean([one[name] for one in group or [talus[0]]])
                                           for group in (leads, others))])
        table(rows)


def check(jobs: list[Job]) -> None:
    problems = [problem for job in jobs
                for problem in bounds.broken(job.counted(job.talus(job.arguments.requests)),
                                             job.ranks)]
    if problems:
        sys.exit("\n".join(problems))
    print("within their bounds:", ", ".join(f"{job.ranks} ranks" for job in jobs))


def main() -> None:
    kinds = {"calls": tell_calls, "messages": tell_messages, "files": tell_files, "check": check}
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--ranks", required=True)
    parser.add_argument("--talus", required=True)
    parser.add_argument("--counts")
    parser.add_argument("--only-mpi")
    parser.add_argument("--model", required=True)
    parser.add_argument("-i", dest="requests", required=True)
    parser.add_argument("--work", default="scale.work")
    parser.add_argument("launcher", nargs="+")
    arguments = parser.parse_args()
    jobs = [Job(arguments, int(ranks)) for ranks in arguments.ranks.split(",")]
    kinds[arguments.kind](jobs)


if __name__ == "__main__":
    main()
