# SPDX-License-Identifier: Apache-2.0
"""How many calls of MPI a rank makes until all is ready, at most, for any number of ranks."""

import collections
import math

MESSAGES = ("MPI_Send", "MPI_Isend", "MPI_Issend", "MPI_Sendrecv")
COMMUNICATORS = ("MPI_Comm_dup", "MPI_Comm_create", "MPI_Comm_split")
WINDOWS = ("MPI_Win_allocate", "MPI_Win_allocate_shared")
TO_ALL = ("MPI_Iallgather", "MPI_Iallgatherv", "MPI_Ialltoall", "MPI_Ialltoallv")


def kind_of(function: str, size: int, ranks: int) -> str:
    group = "all ranks" if size == ranks else "fewer ranks"
    if function in MESSAGES:
        return "messages"
    if function == "MPI_Comm_split_type":
        return "splits by node"
    if function == "MPI_Comm_create_group":
        return "communicators made on a node"
    if function in COMMUNICATORS:
        return f"communicators made of {group}"
    if function in WINDOWS:
        return "windows"
    if function in TO_ALL:
        return f"each to all of {group}"
    return f"other collectives of {group}"


def by_rank(lines: list[dict], phase: str) -> list[dict[str, int]]:
    """Calls by kind, for each rank; `messages: bytes` too."""
    sums = []
    for line in lines:
        if line["phase"] == phase:
            one: dict[str, int] = collections.Counter()
            for function, size, calls, size_in_bytes in line["calls"]:
                kind = kind_of(function, size, line["ranks"])
                one[kind] += calls
                if kind == "messages":
                    one["messages: bytes"] += size_in_bytes
            sums.append(one)
    return sums


def bounds_of(ranks: int) -> dict[str, int]:
    """The most calls of each kind, of any rank, in a start of a dense model with pp 2 and tp 2.

    Only messages grow, with the logarithm of the ranks: all-gathers of 16 ranks and more are made of
    them (parallel/spread.hpp), and weights go along a tree of the replicas.
    """
    is_spread = ranks >= 16
    return {"splits by node": 1, "communicators made of all ranks": 19,
            "communicators made of fewer ranks": 5, "communicators made on a node": 12,
            "windows": 5, "other collectives of all ranks": 65,
            "other collectives of fewer ranks": 24, "each to all of fewer ranks": 3,
            "each to all of all ranks": 0 if is_spread else 6,
            "messages": 10 + 12 * math.ceil(math.log2(ranks)) if is_spread else 9}


def broken(lines: list[dict], ranks: int) -> list[str]:
    """Which bounds a start doesn't keep, in words."""
    counts = by_rank(lines, "start")
    problems = [] if len(counts) == ranks else [f"{len(counts)} of {ranks} ranks have counted"]
    for kind, most in bounds_of(ranks).items():
        found = max((one.get(kind, 0) for one in counts), default=0)
        if found > most:
            problems.append(f"{ranks} ranks: {found} {kind} on a rank until all is ready (at most "
                            f"{most}; if more are needed, change bounds.py and README.md)")
        if kind in ("messages", "other collectives of all ranks", "splits by node") and found == 0:
            problems.append(f"{ranks} ranks: no {kind} were counted")
    return problems
