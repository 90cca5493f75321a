# SPDX-License-Identifier: Apache-2.0
"""The rows that compare.py measures. A new row is one more entry of ROWS."""

import dataclasses


@dataclasses.dataclass
class Row:
    name: str
    steps: str  # whose tokens a second count: "prefill" or "decode"
    limit: str  # what it is held against: "bus", "matmul", "int8" (a unit of the processor, by the backend)
    talus: list  # options of `talus bench latency`
    # For each engine the kind of gguf, then options of its llama-bench, of whose output the last test counts; or
    # "batched" and options of the llama-batched-bench beside it. "one rank": options of Talus itself, on one rank.
    peers: dict = dataclasses.field(default_factory=dict)
    shape: str = ""  # folder of shapes/ with the config of a model of random weights
    ranks: int = 1  # the threads are shared out among them


def latency(input_len, output_len, *more, batch=1, warmup=1):
    return ["--input-len", input_len, "--output-len", output_len, "--batch-size", batch, "--num-iters-warmup",
            warmup, "--num-iters", 1, *more]


def both(kind, *options):
    return {"llama.cpp": [kind, *options], "ik_llama.cpp": [kind, *options]}


def decode_at(kind, depth, count):
    """Decoding after `depth` tokens, which llama.cpp and its fork spell differently."""
    return {"llama.cpp": [kind, "-p", 0, "-n", count, "-d", depth],
            "ik_llama.cpp": [kind, "-p", 0, "-n", 0, "-gp", f"{depth},{count}"]}


PREFILL = ["-p", 512, "-n", 0]
DECODE = ["-p", 0, "-n", 64]

ROWS = [
    Row("prefill-bf16", "prefill", "matmul", latency(512, 1), both("bf16", *PREFILL)),
    Row("prefill-bf16-against-f16", "prefill", "matmul", latency(512, 1), both("f16", *PREFILL)),
    Row("decode-bf16", "decode", "bus", latency(1, 65), both("bf16", *DECODE)),
    Row("decode-bf16-2048", "decode", "bus", latency(2049, 33, "--dummy-prefill"),
        decode_at("bf16", 2048, 32)),
    Row("decode-bf16-16384", "decode", "bus", latency(16385, 33, "--dummy-prefill"),
        shape="llama-1.1b"),
    Row("decode-bf16-16384-kv-int8", "decode", "bus",
        latency(16385, 33, "--dummy-prefill", "--kv-cache-dtype", "int8"), shape="llama-1.1b"),
    Row("decode-bf16-batch-32", "decode", "matmul", latency(1, 33, batch=32),
        {"llama.cpp": ["bf16", "batched", "-npp", 1, "-ntg", 32, "-npl", 32]}),
    Row("decode-bf16-tp2", "decode", "bus", latency(1, 65, "-tp", 2),
        {"one rank": latency(1, 65)}, ranks=2),
    Row("prefill-bf16-tp2", "prefill", "matmul", latency(512, 1, "-tp", 2),
        {"one rank": latency(512, 1)}, ranks=2),
    Row("decode-int8", "decode", "bus", latency(1, 65, "--quantization", "int8"),
        both("q8_0", *DECODE)),
    Row("decode-int4", "decode", "bus", latency(1, 65, "--quantization", "int4-g32"),
        both("q4_0", *DECODE)),
    Row("decode-int4-g128", "decode", "bus", latency(1, 65, "--quantization", "int4-g128")),
    Row("prefill-int8", "prefill", "int8", latency(512, 1, "--quantization", "int8"),
        both("q8_0", *PREFILL)),
    Row("decode-moe", "decode", "bus", latency(1, 33), shape="moe-64x8"),
    Row("decode-latent-8192", "decode", "bus", latency(8193, 33, "--dummy-prefill"),
        shape="latent"),
]
