#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what `talus bench` wrote.

    bench_fields.py latency FILE ITERATIONS
    bench_fields.py throughput FILE REQUESTS [TOKENS]
"""

import json
import sys

KIND_KEYS = {"steps", "seconds", "tokens_per_second", "seconds_per_step", "weight_bytes_per_step",
             "kv_bytes_per_step", "bytes_per_second", "fraction_of_read_bandwidth",
             "operations_per_second", "fraction_of_float32_peak", "seconds_outside_kernels_per_step",
             "fraction_outside_kernels", "device_busy_seconds_per_step", "device_idle_seconds_per_step",
             "phase_seconds_per_step"}


def check(condition, message):
    if not condition:
        raise SystemExit(message)


def close(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def check_own(own):
    grid = own["grid"]
    check(grid["dp"] * grid["pp"] * grid["tp"] == own["ranks"], "the grid is not all ranks")
    check(own["threads_per_rank"] == 1, "threads")
    for key in ("processor", "backend", "dtype", "quantization", "load_format", "versions"):
        check(own[key], f"no {key}")
    limits = own["limits"]
    check(limits["read_bytes_per_second"] > 0, "no read bandwidth")
    check(limits["float32_operations_per_second"] > 0, "no float32 peak")
    check(all(peak > 0 for peak in limits["unit_operations_per_second_of_rank_0"].values()), "peaks")
    check(own["prefill"] or own["mixed"], "no prompt was read")
    for kind in (own["prefill"], own["decode"], own["mixed"]):
        if kind is not None:
            check(set(kind) == KIND_KEYS, f"keys {sorted(set(kind) ^ KIND_KEYS)}")
            check(kind["steps"] >= 1 and kind["weight_bytes_per_step"] > 0, "a step reads no weights")
            check(0 <= kind["fraction_outside_kernels"] <= 1, "fraction outside of kernels")


def check_latency(result, iterations):
    check(list(result) == ["avg_latency", "std_latency", "latencies", "percentiles", "x_talus"], list(result))
    latencies = result["latencies"]
    check(len(latencies) == iterations and min(latencies) > 0, "latencies")
    mean = sum(latencies) / iterations
    check(close(result["avg_latency"], mean), "avg_latency")
    deviation = (sum((x - mean) ** 2 for x in latencies) / iterations) ** 0.5
    check(abs(result["std_latency"] - deviation) <= 1e-6 * mean, "std_latency")
    check(list(result["percentiles"]) == ["10", "25", "50", "75", "90", "99"], "percentiles")
    check(close(result["percentiles"]["50"], sorted(latencies)[iterations // 2]), "the median")


def check_throughput(result, requests, tokens):
    check(list(result) == ["elapsed_time", "num_requests", "total_num_tokens", "requests_per_second",
                           "tokens_per_second", "x_talus"], list(result))
    check(result["num_requests"] == requests, "num_requests")
    check(tokens is None or result["total_num_tokens"] == tokens, "total_num_tokens")
    seconds = result["elapsed_time"]
    check(close(result["requests_per_second"] * seconds, requests), "requests_per_second")
    check(close(result["tokens_per_second"] * seconds, result["total_num_tokens"]), "tokens_per_second")


def main():
    kind, file, count, *tokens = sys.argv[1:]
    with open(file) as stream:
        result = json.load(stream)
    if kind == "latency":
        check_latency(result, int(count))
    else:
        check_throughput(result, int(count), int(tokens[0]) if tokens else None)
    check_own(result["x_talus"])


if __name__ == "__main__":
    main()
