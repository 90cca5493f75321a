#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times Hugging Face transformers on this machine's GPU, for the rows that Talus is timed for there.

    transformers_bench.py --model DIR [--rows 1,8,64] [--input-len 512] [--output-len 128]
                          [--num-iters 5] [--device cuda|cpu] [--eager] [--output-json FILE]

DIR has a config.json, of which a model of random weights is made in bfloat16: attention by sdpa, a static
KV cache, steps of answers compiled by torch.compile where that works (the output says whether it did). Each row
is a batch of as many requests, as `talus bench latency --batch-size` has them: prompts of made-up ids, all of
one length, and greedy answers. Ends with 77 and a line that begins with "skipped" where transformers, torch or
the GPU isn't there.
"""

import argparse
import inspect
import json
import pathlib
import statistics
import sys
import time

SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--rows", default="1,8,64", help="batch sizes")
    parser.add_argument("--input-len", type=int, default=512)
    parser.add_argument("--output-len", type=int, default=128)
    parser.add_argument("--num-iters", type=int, default=5)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--eager", action="store_true", help="don't compile")
    parser.add_argument("--output-json", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.rows = [int(rows) for rows in arguments.rows.split(",")]
    if min(arguments.input_len, arguments.num_iters, *arguments.rows) < 1 or arguments.output_len < 2:
        parser.error("lengths and counts are 1 or more, --output-len 2 or more")
    return arguments


class Bench:
    """A model of random weights, and the loop that computes answers."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.device = torch.device(arguments.device)
        torch.manual_seed(0)
        config = transformers.AutoConfig.from_pretrained(arguments.model)
        with self.device:
            self.model = transformers.AutoModelForCausalLM.from_config(
                config, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
        # Its name since 5.24, and before.
        names = inspect.signature(self.model.forward).parameters
        self.cache_name = "cache" if "cache" in names else "past_key_values"
        self.step = self.next_tokens
        self.is_compiled = False
        self.why_not = "--eager" if arguments.eager else ""

    def next_tokens(self, ids, positions, cache):
        """The likeliest token behind each row."""
        logits = self.model(input_ids=ids, position_ids=positions.unsqueeze(0).expand_as(ids),
                            use_cache=True, logits_to_keep=1, **{self.cache_name: cache}).logits
        return logits[:, -1:].argmax(dim=-1)

    def compile(self):
        """Compiles the step of answers, if it can be."""
        if self.arguments.eager:
            return
        plain, self.step = self.step, torch.compile(self.next_tokens, mode="reduce-overhead", fullgraph=True)
        try:
            self.answer(self.arguments.rows[0], 4)
            self.is_compiled = True
        except Exception as error:  # whatever the compiler raises: it is told, and counts as not compiled
            self.step = plain
            self.why_not = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"

    def now(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def answer(self, rows, output_len):
        """Seconds for the prompts' step, which gives the first tokens, and for the others'."""
        prompt = self.arguments.input_len
        cache = transformers.StaticCache(config=self.model.config, max_cache_len=prompt + output_len)
        ids = torch.randint(self.model.config.vocab_size, (rows, prompt), device=self.device)
        positions = torch.arange(prompt, device=self.device)
        with torch.inference_mode():
            begin = self.now()
            tokens = self.next_tokens(ids, positions, cache)
            prefilled = self.now()
            position = positions[-1:] + 1
            for _ in range(output_len - 1):
                tokens = self.step(tokens, position, cache).clone()  # compiled, the output is overwritten
                position = position + 1
            return prefilled - begin, self.now() - prefilled

    def measure(self, rows):
        arguments = self.arguments
        self.answer(rows, arguments.output_len)  # to warm up
        times = [self.answer(rows, arguments.output_len) for _ in range(arguments.num_iters)]
        prefill, decode = (statistics.median(column) for column in zip(*times))
        return {
            "rows": rows,
            "latency_s": statistics.median(sum(pair) for pair in times),
            "prefill_tokens_per_second": rows * arguments.input_len / prefill,
            "decode_tokens_per_second": rows * (arguments.output_len - 1) / decode,
        }


def main():
    arguments = read_arguments()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        skip("torch finds no GPU")
    bench = Bench(arguments)
    bench.compile()
    report = {
        "transformers": transformers.__version__, "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu",
        "attention": "sdpa", "cache": "static", "compiled": bench.is_compiled, "not_compiled_since": bench.why_not,
        "input_len": arguments.input_len, "output_len": arguments.output_len, "num_iters": arguments.num_iters,
        "rows": [],
    }
    print(f"transformers {report['transformers']}, torch {report['torch']}, {report['device']}, sdpa, static cache, "
          + ("compiled" if bench.is_compiled else f"not compiled ({bench.why_not})"))
    for rows in arguments.rows:
        row = bench.measure(rows)
        report["rows"].append(row)
        print(f"{rows:5d} rows: {row['latency_s']:8.3f} s, prefill {row['prefill_tokens_per_second']:10.1f} tokens/s, "
              f"decode {row['decode_tokens_per_second']:10.1f} tokens/s", flush=True)
    if arguments.output_json:
        arguments.output_json.write_text(json.dumps(report, indent=1) + "\n")


try:
    import torch
    import transformers
except ImportError as missing:
    skip(str(missing))

if __name__ == "__main__":
    main()
