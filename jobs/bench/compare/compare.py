#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs Talus and other engines on the same shapes, in turns, and prints medians and ratios.

    compare.py --talus build/release/bin/talus --model DIR --llama-bench PATH [--ik-llama-bench PATH] [--rows NAME,...]

Each round of a row measures the memory bus, then runs Talus, then each engine that is given, so that what drifts
drifts for all. DIR is a Llama-shaped checkpoint in bfloat16 (jobs/bench/random_llama.py writes one); the other
engines get it as gguf, made once into --work by to_gguf.py and the llama-quantize beside their llama-bench. Rows
that name a shape of shapes/ run on random weights, without other engines. README.md says how to get the others.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from rows import ROWS

HERE = pathlib.Path(__file__).resolve().parent


def run(command, **options):
    """Standard output of a command; what it says else is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Talus:
    name = "talus"

    def __init__(self, arguments):
        self.binary = arguments.talus
        self.model = arguments.model
        self.threads = arguments.threads
        self.launcher = arguments.launcher.split()

    def command(self, row, ranks, options, file):
        model = ["--model", self.model]
        if row.shape:
            model = ["--model", HERE / "shapes" / row.shape, "--load-format", "dummy"]
        launch = self.launcher + [str(ranks)] if ranks > 1 else []
        threads = max(self.threads // ranks, 1)
        return [*launch, self.binary, "bench", "latency", *model, "--threads", threads, "--output-json", file,
                *options]

    def run(self, row, ranks, options):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            run(self.command(row, ranks, options, file.name))
            own = json.load(file)["x_talus"]
        kind = own[row.steps]
        part, limit = part_of_limit(row, own, kind)
        return {"rate": kind["tokens_per_second"], "part": part, "limit": limit}

    def measure(self, row):
        return self.run(row, row.ranks, row.talus)


class OneRank(Talus):
    """Talus again, as one rank with all threads, for rows that compare grids."""

    name = "one rank"

    def measure(self, row):
        return self.run(row, 1, row.peers[self.name]) if self.name in row.peers else None


# The units that a row's limit means, for the backends that use other ones than float32's.
UNITS = {
    "matmul": {"avx512_bf16": "avx512_bf16", "amx": "amx_bf16"},
    "int8": {
        "avx2": "avx2_int8",
        "avx512": "avx512_int8",
        "avx512_bf16": "avx512_int8",
        "amx": "amx_int8",
    },
}


def part_of_limit(row, own, kind):
    """The part of the row's limit that was reached, by the limits measured with the run, and their name."""
    if row.limit == "bus":
        return kind["fraction_of_read_bandwidth"], "the bus"
    unit = UNITS[row.limit].get(own["backend"])
    if unit is None:
        return kind["fraction_of_float32_peak"], "the float32 peak"
    peak = own["limits"]["unit_operations_per_second_of_rank_0"][unit] * own["ranks"]
    return kind["operations_per_second"] / peak, f"the {unit} peak"


class LlamaBench:
    """llama.cpp's llama-bench, or that of a fork."""

    def __init__(self, name, binary, arguments):
        self.name = name
        self.binary = binary
        self.threads = arguments.threads
        self.model = arguments.model
        self.work = arguments.work

    def gguf(self, kind):
        """The checkpoint in the form of gguf that a row asks for."""
        base, file = self.work / "bf16.gguf", self.work / f"{kind}.gguf"
        if not base.exists():
            run([sys.executable, HERE / "to_gguf.py", self.model, base])
        if not file.exists():
            run([self.binary.parent / "llama-quantize", "--pure", base, file, kind])
        return file

    def measure(self, row):
        if self.name not in row.peers:
            return None
        kind, *options = row.peers[self.name]
        if options[0] == "batched":
            return self.measure_batched(kind, options[1:])
        command = [self.binary, "-m", self.gguf(kind), "-t", self.threads, "-r", 1, "-o", "json", *options]
        return {"rate": json.loads(run(command))[-1]["avg_ts"]}

    def measure_batched(self, kind, options):
        binary = self.binary.parent / "llama-batched-bench"
        if not binary.exists():
            return None
        command = [binary, "-m", self.gguf(kind), "-t", self.threads, "--output-format", "jsonl", *options]
        lines = [line for line in run(command).splitlines() if line.startswith("{")]
        return {"rate": json.loads(lines[-1])["speed_tg"]}


def bus(arguments):
    """GB/s that all threads read together, right now."""
    text = run([arguments.talus.parent / "talus_kernels_bench", "limits", arguments.threads, 3])
    return float(re.search(rf"read, {arguments.threads} threads +([0-9.]+)", text).group(1))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(": ")[1]
    return "unknown"


def compare(row, engines, arguments):
    """The medians of a row's rounds."""
    rounds = {engine.name: [] for engine in engines}
    buses = []
    for _ in range(arguments.rounds):
        buses.append(bus(arguments))
        for engine in engines:
            measured = engine.measure(row)
            if measured:
                rounds[engine.name].append(measured)
    result = {"row": row.name, "rounds": rounds, "bus": buses, "median": {}}
    for name, measured in rounds.items():
        if measured:
            result["median"][name] = statistics.median(one["rate"] for one in measured)
    result["part"] = statistics.median(one["part"] for one in rounds["talus"])
    result["limit"] = rounds["talus"][0]["limit"]
    return result


def head_of_table(engines):
    others = [engine.name for engine in engines[1:]]
    cells = ["row", "Talus tok/s", "part of its limit"]
    for name in others:
        cells += [f"{name} tok/s", "Talus / " + name]
    cells.append("bus GB/s")
    return "| " + " | ".join(cells) + " |\n|" + "---|" * len(cells)


def line_of_table(row, result, engines):
    talus = result["median"]["talus"]
    part = f"{100 * result['part']:.0f}% of {result['limit']}"
    cells = [row.name, f"{talus:.1f}", part]
    for engine in engines[1:]:
        rate = result["median"].get(engine.name)
        cells += [f"{rate:.1f}", f"{talus / rate:.2f}"] if rate else ["–", "–"]
    cells.append(f"{min(result['bus']):.1f} to {max(result['bus']):.1f}")
    return "| " + " | ".join(cells) + " |"


def write_page(page, lines):
    """Replaces what stands between the page's two marks."""
    begin, end = "<!-- results: begin -->", "<!-- results: end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + "\n" + "\n".join(lines) + "\n" + end + rest.split(end)[1])


def absolute(path):
    return pathlib.Path(path).resolve()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--talus", type=absolute, required=True, help="the program, with talus_kernels_bench beside it")
    parser.add_argument("--model", type=pathlib.Path, help="checkpoint for the rows without a shape of their own")
    parser.add_argument("--llama-bench", type=absolute, help="llama.cpp's")
    parser.add_argument("--ik-llama-bench", type=absolute, help="ik_llama.cpp's")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("compare-work"), help="folder for gguf files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--launcher", default="mpirun -n", help="starts several ranks, up to their number")
    parser.add_argument("--rows", help="names of rows, by commas; else all whose weights are there")
    parser.add_argument("--list", action="store_true", help="names of all rows, and stop")
    parser.add_argument("--output", type=pathlib.Path, help="JSON of every round")
    parser.add_argument("--page", type=pathlib.Path, help="page whose results are replaced by these")
    return parser.parse_args()


def chosen_rows(arguments):
    known = {row.name: row for row in ROWS}
    if not arguments.rows:
        return [row for row in ROWS if row.shape or arguments.model]
    unknown = set(arguments.rows.split(",")) - set(known)
    if unknown:
        raise SystemExit(f"--rows: {', '.join(sorted(unknown))} (--list names the rows)")
    return [known[name] for name in arguments.rows.split(",")]


def main():
    arguments = parse()
    if arguments.list:
        print("\n".join(row.name for row in ROWS))
        return
    rows = chosen_rows(arguments)
    if any(not row.shape for row in rows) and not arguments.model:
        raise SystemExit("--model: missing (the directory of a checkpoint)")
    arguments.work.mkdir(parents=True, exist_ok=True)
    engines = [Talus(arguments)]
    if any(OneRank.name in row.peers for row in rows):
        engines.append(OneRank(arguments))
    if arguments.llama_bench:
        engines.append(LlamaBench("llama.cpp", arguments.llama_bench, arguments))
    if arguments.ik_llama_bench:
        engines.append(LlamaBench("ik_llama.cpp", arguments.ik_llama_bench, arguments))
    lines = [f"{processor()}, {arguments.threads} threads, medians of {arguments.rounds} rounds:", "",
             *head_of_table(engines).split("\n")]
    print("\n".join(lines), flush=True)
    results = []
    for row in rows:
        results.append(compare(row, engines, arguments))
        lines.append(line_of_table(row, results[-1], engines))
        print(lines[-1], flush=True)
        if arguments.output:
            arguments.output.write_text(json.dumps({"processor": processor(), "rows": results}, indent=1))
    if arguments.page:
        write_page(arguments.page, lines)


if __name__ == "__main__":
    main()
