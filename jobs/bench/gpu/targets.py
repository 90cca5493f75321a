#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sets what tests/gpu/run.sh measured beside what is wanted of an H200, and beside other engines.

    targets.py FOLDER [--matmul own|cublaslt]

FOLDER has the files that run.sh writes; a figure whose files aren't there is told as not measured. Prints a
table and writes it to FOLDER/targets_MATMUL.json. What is missed is no error: it is what to work on.
"""

import argparse
import json
import pathlib
import statistics

LATENT = "latent attention of 128 heads, 128 x 8,192"

# Prompt and answer of as many tokens, tokens a second of both together: llama.cpp, Llama-3-8B, one H100
# (Argonne's LLM-Inference-Bench, arXiv:2411.00136, its All_results.csv).
LLAMA_CPP_H100 = {1: 101.57, 64: 189.76}
PUBLISHED_LENGTH = 128


class NotMeasured(Exception):
    """A file, or what of it is asked for, isn't there."""


def first(items, is_wanted):
    for item in items:
        if is_wanted(item):
            return item
    raise NotMeasured


class Results:
    """The files of a folder."""

    def __init__(self, folder, matmul):
        self.folder = folder
        self.matmul = matmul

    def read(self, name):
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except FileNotFoundError:
            raise NotMeasured from None

    def steps(self, run, kind):
        """Of steps of one kind, what `talus bench` tells of them."""
        steps = self.read(f"{run}_{self.matmul}")["x_talus"][kind]
        if steps is None:
            raise NotMeasured
        return steps

    def limits(self):
        return self.read("bench")

    def of_bandwidth(self, run):
        steps = self.steps(run, "decode")
        moved = steps["weight_bytes_per_step"] + steps["kv_bytes_per_step"]
        return moved / steps["seconds_per_step"] / (self.limits()["copy_gb_s"] * 1e9)

    def of_matmul_rate(self, run):
        return self.steps(run, "prefill")["operations_per_second"] / (self.limits()["library_bf16_tflop_s"] * 1e12)

    def seconds_per_step(self, run):
        return self.steps(run, "decode")["seconds_per_step"]

    def outside(self, run):
        return self.steps(run, "decode")["fraction_outside_kernels"]

    def latent_attention(self):
        return first(self.limits()["results"], lambda result: result["name"] == LATENT)["of_limit"]

    def trace_cost(self):
        """Of runs of which every second one was traced: how much longer those took."""
        seconds = self.read("trace_cost")
        return statistics.median(seconds["traced"]) / statistics.median(seconds["untraced"]) - 1

    def beside_transformers(self, rows):
        theirs = first(self.read("transformers")["rows"], lambda row: row["rows"] == rows)
        ours = self.steps(f"latency_{rows}", "decode")["tokens_per_second"]
        return ours / theirs["decode_tokens_per_second"]

    def beside_llama_cpp(self, rows):
        latency = self.read(f"published_{rows}_{self.matmul}")["percentiles"]["50"]
        return rows * 2 * PUBLISHED_LENGTH / latency / LLAMA_CPP_H100[rows]


def figures(results):
    """Name, how it is found, the bound, and whether it is one from below."""
    return [
        ("decode of 1 sequence, part of the copy bandwidth", lambda: results.of_bandwidth("decode_1"), 0.85, True),
        ("decode of 64 at 2,048 positions, part of the copy bandwidth",
         lambda: results.of_bandwidth("decode_64"), 0.75, True),
        ("prefill of 8,192 tokens, part of the library's matmul rate",
         lambda: results.of_matmul_rate("prefill_8192"), 0.65, True),
        ("decode of 1 in fp8, times as fast as in bfloat16",
         lambda: results.seconds_per_step("decode_1") / results.seconds_per_step("decode_fp8_1"), 1.6, True),
        ("latent attention, 128 at 8,192 positions, part of its limit", results.latent_attention, None, True),
        ("decode of 1, part outside of kernels", lambda: results.outside("decode_1"), 0.03, False),
        ("decode of 64, part outside of kernels", lambda: results.outside("decode_64"), 0.03, False),
        ("trace, part of a run's time", results.trace_cost, 0.01, False),
        *((f"decode of {rows}, times transformers' rate", lambda rows=rows: results.beside_transformers(rows), None, True)
          for rows in (1, 8, 64)),
        *((f"{rows} of 128 + 128 tokens, times llama.cpp's published rate on an H100",
           lambda rows=rows: results.beside_llama_cpp(rows), None, True) for rows in LLAMA_CPP_H100),
    ]


def judge(value, bound, from_below):
    if value is None:
        return "not measured"
    if bound is None:
        return "told"
    return "met" if (value >= bound if from_below else value <= bound) else "missed"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--matmul", default="own", choices=["own", "cublaslt"])
    arguments = parser.parse_args()
    results = Results(arguments.folder, arguments.matmul)
    table = []
    for name, find, bound, from_below in figures(results):
        try:
            value = find()
        except NotMeasured:
            value = None
        table.append({"figure": name, "value": value, "wanted": bound,
                      "is_lower_bound": from_below, "verdict": judge(value, bound, from_below)})
    print(f"matmul: {arguments.matmul}")
    for row in table:
        value = "-" if row["value"] is None else f"{row['value']:.3f}"
        sign = ">=" if row["is_lower_bound"] else "<="
        wanted = "" if row["wanted"] is None else f"{sign} {row['wanted']}"
        print(f"{row['figure']:72s} {value:>9s} {wanted:>8s}  {row['verdict']}")
    path = arguments.folder / f"targets_{arguments.matmul}.json"
    path.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
