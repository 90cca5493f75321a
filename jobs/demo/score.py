#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
r"""Prints one of the answers that `talus run` wrote, and the share of those that are right.

    score.py --output dense.jsonl --problems problems.jsonl --answers answers.jsonl \
        [--show p0002] [--least 0.95]

An answer counts by the last number after its reasoning. Fails if the share is less than --least, or
if a problem has no answer at all. Needs Python's standard library only.
"""

import argparse
import json
import pathlib
import re
import sys

END_OF_REASONING = "</think>"


def read_lines(path: pathlib.Path) -> list[dict]:
    """The objects of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def content_of(line: dict) -> str:
    """What the model wrote, or the error that stands instead."""
    if line.get("error"):
        return f"error: {line['error']['message']}"
    return line["response"]["body"]["choices"][0]["message"]["content"]


def question_of(line: dict) -> str:
    """What was asked."""
    return line["body"]["messages"][-1]["content"]


def final_number(content: str) -> int | None:
    """The last number after the reasoning; None if that doesn't end, or no number follows."""
    _, end, conclusion = content.partition(END_OF_REASONING)
    numbers = re.findall(r"-?\d+", conclusion)
    return int(numbers[-1]) if end and numbers else None


def indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="answers of talus run")
    parser.add_argument("--problems", type=pathlib.Path, required=True, help="its requests")
    parser.add_argument("--answers", type=pathlib.Path, required=True, help="the right ones")
    parser.add_argument("--show", metavar="ID", help="print the answer with this custom_id")
    parser.add_argument("--least", type=float, default=0.0, help="share that must be right")
    options = parser.parse_args()

    expected = {line["custom_id"]: int(line["answer"]) for line in read_lines(options.answers)}
    contents = {line["custom_id"]: content_of(line) for line in read_lines(options.output)}
    if options.show:
        questions = {line["custom_id"]: question_of(line) for line in read_lines(options.problems)}
        print(f"{options.show}: {questions[options.show]}\n{indented(contents[options.show])}\n")

    absent = expected.keys() - contents.keys()
    right = sum(final_number(text) == expected.get(name) for name, text in contents.items())
    share = right / len(expected)
    print(f"{options.output.name}: {right} of {len(expected)} right ({share:.1%})")
    if absent:
        print(f"{len(absent)} problems without an answer, {min(absent)} for one", file=sys.stderr)
    elif share < options.least:
        print(f"less than {options.least:.1%} right", file=sys.stderr)
    return 1 if absent or share < options.least else 0


if __name__ == "__main__":
    sys.exit(main())
