# SPDX-License-Identifier: Apache-2.0
"""How many calls of MPI a rank makes until all is ready, at most, for any number of ranks."""

import collections
import math

MESSAGES = ("MPI_Send", "MPI_Isend", "MPI_Issend", "MPI_Sendrecv")
COMMUNICATORS = ("MPI_Comm_dup", "MPI_Comm_create", "MPI_Comm_split", "MPI_Comm_split_type")
WINDOWS = ("MPI_Win_allocate", "MPI_Win_allocate_shared")
TO_ALL = ("MPI_Iallgather", "MPI_Iallgatherv", "MPI_Ialltoall", "MPI_Ialltoallv")


def kind_of(function: str, size: int, ranks: int) -> str:
    group = "all ranks" if size == ranks else "fewer ranks"
    if function in MESSAGES:
        return "messages"
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
