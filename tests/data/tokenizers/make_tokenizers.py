# SPDX-License-Identifier: Apache-2.0
"""Trains the small tokenizers of this folder and writes what transformers makes of text.jsonl with them.

    python make_text.py && python make_tokenizers.py [NAME...]        (needs transformers and sentencepiece)

README.md says what the files hold.
"""

import importlib
import inspect
import json
import os
import pathlib
import random
import struct
import sys
import zlib

import byte_level_kinds
import sentencepiece_kinds
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).resolve().parent
NUM_DECODE_LINES = 200
SHOWN_STEP = 25  # one line of so many is written in full
BLOCK_LINES = 50  # lines of a checksum


def corpus(lines):
    """The test's own lines and the documentation inside Python's standard library."""
    names = ["argparse", "asyncio", "collections", "datetime", "decimal", "email", "json", "logging", "pathlib", "statistics", "typing"]
    for name in names:
        module = importlib.import_module(name)
        members = [module] + [member for _, member in sorted(inspect.getmembers(module, inspect.isclass), key=lambda pair: pair[0])]
        yield from (inspect.getdoc(member) or "" for member in members)
    yield from (line for line in lines if len(line) < 300)


def save(content, config, model_type, directory):
    directory.mkdir(exist_ok=True)
    (directory / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1000000, "clean_up_tokenization_spaces": False} | config
    config["added_tokens_decoder"] = {
        str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in content["added_tokens"]
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")
    if model_type:
        (directory / "config.json").write_text(json.dumps({"model_type": model_type}) + "\n")


def expect(tokenizer, line):
    ids = tokenizer.encode(line, add_special_tokens=True)
    plain = tokenizer.encode(line, add_special_tokens=False)
    return ids, plain, tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids, skip_special_tokens=True)


def shown(number, line, ids, plain, decoded, skipped):
    return {
        "line": number,
        "ids": ids,
        "ids_no_special": None if plain == ids else plain,
        "decoded": None if decoded == line else decoded,
        "decoded_skip": None if skipped == decoded else skipped,
    }


def packed(ids, plain, decoded, skipped):
    """Each of the four behind its length, as bytes."""
    parts = [struct.pack(f"<{len(part)}i", *part) for part in (ids, plain)] + [part.encode() for part in (decoded, skipped)]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def decode_cases(tokenizer):
    """Random ids: halves of characters and bytes that are no text at all."""
    generator = random.Random(7)
    size = len(tokenizer)
    for count in range(NUM_DECODE_LINES):
        limit = 270 if count % 2 else size
        ids = [generator.randrange(limit) if generator.random() < 0.9 else size - 1 for _ in range(generator.randint(1, 16))]
        yield {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "decoded_skip": tokenizer.decode(ids, skip_special_tokens=True)}  # fmt: skip


def write_lines(path, rows):
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    path.write_bytes(text.encode())


def write_expected(tokenizer, lines, directory):
    rows, checksums = [], []
    for number, line in enumerate(lines):
        expected = expect(tokenizer, line)
        if number % BLOCK_LINES == 0:
            checksums.append(0)
        checksums[-1] = zlib.crc32(packed(*expected), checksums[-1])
        if number % SHOWN_STEP == 0:
            rows.append(shown(number, line, *expected))
    write_lines(directory / "expected.jsonl", rows)
    (directory / "checksums.json").write_text(json.dumps({"block_lines": BLOCK_LINES, "crc32": checksums}) + "\n")
    write_lines(directory / "decode.jsonl", decode_cases(tokenizer))


def main():
    os.environ["HF_HUB_OFFLINE"] = "1"
    lines = [json.loads(line) for line in (HERE / "text.jsonl").read_bytes().decode().split("\n") if line]
    for kind in byte_level_kinds.KINDS + sentencepiece_kinds.KINDS:
        if sys.argv[1:] and kind.__name__ not in sys.argv[1:]:
            continue
        directory = HERE / kind.__name__
        save(*kind(list(corpus(lines))), directory)
        tokenizer = AutoTokenizer.from_pretrained(directory)
        write_expected(tokenizer, lines, directory)
        print(kind.__name__, type(tokenizer).__name__, len(tokenizer), "tokens;",
              sum(file.stat().st_size for file in directory.iterdir()), "bytes", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
