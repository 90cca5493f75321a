#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what the ranks of a run did, from its trace: an example of reading one with h5py.

    summarize_trace.py FOLDER

io/trace/README.md describes the tables and their columns. Needs h5py (Debian: python3-h5py).
"""

import argparse
import pathlib
import sys

import h5py
import numpy as np

AXES = ("data", "pipeline", "tensor", "expert")
RECORDS = ("steps", "requests", "preemptions")

# Phases that belong together, in the order of the columns printed.
GROUPS = {
    "attention": ("attention_time",),
    "ffn": ("feed_forward_time", "moe_route_time", "expert_compute_time"),
    "recorded": ("recorded_layers_time", "recorded_step_time"),
    "head": ("embed_time", "lm_head_time", "sampling_time"),
    "sums": ("tensor_parallel_sum_time", "gather_time"),
    "experts": ("expert_dispatch_time", "expert_combine_time"),
    "stages": ("wait_previous_stage_time", "send_next_stage_time"),
    "waiting": ("token_broadcast_time", "lock_step_time", "idle_time"),
    "schedule": ("schedule_time",),
    "other": ("other_time",),
}


def rows_of(table: h5py.Dataset) -> np.ndarray:
    """The rows that ranks wrote: shorter ranks are padded with rank -1."""
    rows = table[...]
    return rows[rows["rank"] >= 0]


def print_steps(trace: h5py.File) -> None:
    """One line a rank: its place in the grid, steps, tokens, and the share of its time by phase."""
    columns = " ".join(f"{group:>9}" for group in GROUPS)
    print(f"  rank dp pp tp ep  steps prefill  decode   KV blocks  {columns}")
    all_steps = rows_of(trace["steps"])
    for rank in np.unique(all_steps["rank"]):
        steps = all_steps[all_steps["rank"] == rank]
        run = trace[f"ranks/{rank:05}/run"].attrs
        place = " ".join(f"{run[axis + '_parallel_rank']:2}" for axis in AXES)
        tokens = f"{steps['num_prefill_tokens'].sum():7} {steps['num_decode_tokens'].sum():7}"
        blocks = f"{steps['used_num_blocks'].max():5}/{steps['max_num_blocks'].max():<5}"
        total = steps["duration"].sum()
        times = [sum(steps[name].sum(dtype=float) for name in names) for names in GROUPS.values()]
        shares = " ".join(f"{time / total:9.1%}" for time in times)
        print(f"  {rank:4} {place} {len(steps):6} {tokens} {blocks:>11}  {shares}")


def print_requests(trace: h5py.File) -> None:
    """How long requests took, and how often they were preempted."""
    requests = rows_of(trace["requests"])
    if not len(requests):
        return
    preemptions = len(rows_of(trace["preemptions"]))
    first, whole = np.median(requests["ttft"]), np.median(requests["e2e_latency"])
    print(
        f"  {len(requests)} requests, {requests['num_output_tokens'].sum()} tokens, "
        f"{preemptions} preemptions; "
        f"median {first:.2f} s to the first token, {whole:.2f} s to the last"
    )


def print_experts(trace: h5py.File) -> None:
    """How many tokens each layer sent to each expert."""
    if "tokens" not in trace["experts"]:
        return
    tokens = trace["experts/tokens"]
    totals = tokens[...].sum(axis=(0, 1), dtype=np.int64)
    print("  tokens per expert:")
    for layer, counts in zip(tokens.attrs["layers"], totals):
        print(f"    layer {layer:2}: " + " ".join(f"{count:8}" for count in counts))


def print_losses(trace: h5py.File) -> None:
    """What the files lack, if they lack anything."""
    for name, rank in trace["ranks"].items():
        dropped = sum(rank.attrs[f"dropped_{kind}"] for kind in RECORDS)
        closed = "" if rank.attrs["complete"] else ", not closed"
        if dropped or closed:
            print(f"  rank {int(name)}: {dropped} records dropped{closed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="as given to talus run --trace")
    options = parser.parse_args()
    with h5py.File(options.folder / "trace.h5", "r") as trace:
        for show in (print_steps, print_requests, print_experts, print_losses):
            show(trace)


if __name__ == "__main__":
    sys.exit(main())
