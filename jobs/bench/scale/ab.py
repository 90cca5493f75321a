#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an option of talus run costs: runs with and without it, in turns.

    ab.py --rounds 9 --with "ARGUMENTS" --without "ARGUMENTS" -- COMMAND...

COMMAND is a whole `talus run`, under its launcher, without an output; `{}` in the arguments becomes a
new file. Tells, for each of the two, the medians over the rounds of tokens/s, of the seconds from the
first step to the last, and of processor time (all processes, system included), then the medians and
the spread of the ratios of neighbours. Which of the two is first changes from round to round.

With `valgrind --tool=callgrind --callgrind-out-file={}.callgrind.%p` before the program in COMMAND
it tells instructions instead, of all processes: they hardly depend on what else the machine does.
(Valgrind 3.19 knows no AVX-512: build with -D TALUS_NATIVE=OFF, and Kokkos without -march=native.)
"""

import argparse
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

RATE = re.compile(r"(\d+) tokens in (\S+) s: (\S+) tokens/s")


def instructions(folder: str) -> int:
    """What callgrind counted; 0 if it wasn't there."""
    return sum(int(line.split()[1]) for file in pathlib.Path(folder).glob("*.callgrind.*")
               for line in file.read_text().splitlines() if line.startswith("totals:"))


def run(command: list[str], folder: str) -> tuple[float, float, float]:
    """Tokens/s, seconds, and processor seconds (or instructions) of one run."""
    command = [word.replace("{}", os.path.join(folder, "out.jsonl")) for word in command]
    for old in pathlib.Path(folder).iterdir():
        old.unlink()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = RATE.search(done.stderr)
    if done.returncode or not found:
        sys.exit(f"exit code {done.returncode} of {command}:\n{done.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return float(found[3]), float(found[2]), instructions(folder) or used


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--with", dest="given", required=True)
    parser.add_argument("--without", required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    kinds = {"with": arguments.given.split(), "without": arguments.without.split()}
    results: dict[str, list[tuple[float, float, float]]] = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds + 1):
            for kind in sorted(kinds, reverse=number % 2 == 1):
                result = run(arguments.command + kinds[kind], folder)
                if number:  # the first round warms up
                    results[kind].append(result)
    is_counted = isinstance(results["with"][0][2], int)
    unit = "instructions" if is_counted else "s of processors"
    for kind, rows in results.items():
        rate, seconds, used = (statistics.median(column) for column in zip(*rows))
        total = f"{used:,.0f}" if is_counted else f"{used:8.2f}"
        print(f"{kind:8} {rate:10.1f} tokens/s {seconds:8.2f} s {total} {unit}")
    for name, column in (("tokens/s", 0), ("instructions" if is_counted else "processor time", 2)):
        ratios = sorted(one[column] / other[column]
                        for one, other in zip(results["with"], results["without"]))
        print(f"{name}, with / without: median {statistics.median(ratios):.4f}, "
              f"quartiles {ratios[len(ratios) // 4]:.4f} to {ratios[-1 - len(ratios) // 4]:.4f}, "
              f"extremes {ratios[0]:.4f} to {ratios[-1]:.4f}")


if __name__ == "__main__":
    main()
