#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One rank of an engine does something wrong: the watchdog names it, and ends the job with 70.

    hanging.py KIND RANKS LIMIT PROGRAM MODEL LAUNCHER...

KIND is one of hanging_engine.cpp's. Each grid of RANKS ranks is tried, with another rank that is to
blame. LAUNCHER is the command up to where the number of ranks goes. The limit is in seconds; how
long it took is told, and decides nothing.
"""

import re
import subprocess
import sys
import time

# What the report must say of the rank to blame, and of the others if they have to wait.
BLAMED = {"throw": "an exception has ended its work",
          "sleep": "in no call",
          "skip": "barrier #1 of meeting"}


def grids(ranks: int) -> list[tuple[int, int, int]]:
    sizes = (1, 2, 3, 4, 6)
    found = [(tp, pp, ranks // (tp * pp)) for tp in (1, 2, 4) for pp in sizes
             if ranks % (tp * pp) == 0 and pp <= 4]
    return [grid for grid in found if grid[0] * grid[1] * grid[2] == ranks]


def main() -> None:
    kind, ranks, limit, program, model, *launcher = sys.argv[1:]
    for turn, (tp, pp, dp) in enumerate(grids(int(ranks))):
        blamed = (turn * 5 + int(ranks) - 1) % int(ranks)
        started = time.monotonic()
        command = launcher + [ranks, program, model, str(tp), str(pp), str(dp), kind, str(blamed),
                              "3", limit]
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        seconds = time.monotonic() - started
        text = run.stderr
        where = f"{kind}, tp {tp} pp {pp} dp {dp}, rank {blamed}"
        if run.returncode != 70:
            sys.exit(f"{where}: exit code {run.returncode}, not 70:\n{text}")
        named = re.findall(r"^rank (\d+) on \S+ \(pid \d+\): (.*)$", text, re.M)
        blame = [int(rank) for rank, _ in named]
        # Of two ranks, each in another collective, nobody can say which is wrong: both are named.
        is_tie = kind == "skip" and ranks == "2" and blame == [0, 1]
        if blame != [blamed] and not is_tie or all(BLAMED[kind] not in what for _, what in named):
            sys.exit(f"{where}: the report names {named}:\n{text}")
        needed = tp * pp > 1 or dp > 1 and kind == "skip"
        if needed and not re.search(rf"^ranks? [\d,-]+ on .* wait.* for rank {blamed}, for \d+ s: "
                                    r".* #\d+ of ", text, re.M):
            chained = re.search(r" wait.* for ranks? ", text)
            if not chained:
                sys.exit(f"{where}: nobody is said to wait:\n{text}")
        print(f"{where}: {seconds:.1f} s from the start of the program, limit {limit} s: "
              f"{named[0][1]}", flush=True)


if __name__ == "__main__":
    main()
