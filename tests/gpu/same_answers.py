#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares answers that `talus run` wrote to the same requests in several ways.

    same_answers.py FILE OTHER... [--near FILE]

Each OTHER has some of FILE's requests, or all: their texts and log-probabilities must be the same, digit by
digit, however they were batched. Of --near's, from another backend, the share of same texts is told. Fails if
answers differ, or if one is an error.
"""

import argparse
import json
import pathlib
import sys


def answers_of(path):
    """By custom_id, what each request got: its choices, or the error."""
    answers = {}
    with path.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            response = line.get("response") or {}
            answers[line["custom_id"]] = response.get("body", {}).get("choices") or line.get("error") or response
    return answers


def is_answer(choices):
    return isinstance(choices, list)


def text_of(choices):
    return choices[0]["message"]["content"] if is_answer(choices) else None


def first_difference(name, answers, wanted):
    """A line of the first answer that differs, and how many do; nothing if none does."""
    missing = [key for key in answers if key not in wanted]
    if missing or not answers:
        return f"{name}: {len(answers)} answers, of which {len(missing)} weren't asked for"
    differing = [key for key, choices in answers.items() if choices != wanted[key]]
    if not differing:
        return ""
    key = differing[0]
    same_texts = sum(text_of(answers[other]) == text_of(wanted[other]) for other in differing)
    return (f"{name}: {len(differing)} of {len(answers)} answers differ, {same_texts} of them by log-probabilities "
            f"only; {key}:\n  {json.dumps(answers[key])[:600]}\n  {json.dumps(wanted[key])[:600]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("others", type=pathlib.Path, nargs="+", metavar="OTHER")
    parser.add_argument("--near", type=pathlib.Path)
    arguments = parser.parse_args()
    wanted = answers_of(arguments.file)
    problems = [f"{key}: {json.dumps(choices)[:300]}" for key, choices in wanted.items() if not is_answer(choices)][:3]
    for other in arguments.others:
        difference = first_difference(other.name, answers_of(other), wanted)
        print(difference or f"{other.name}: the same as {arguments.file.name}")
        problems += [difference] if difference else []
    if arguments.near:
        near = answers_of(arguments.near)
        same = sum(text_of(choices) == text_of(wanted.get(key)) for key, choices in near.items())
        print(f"{arguments.near.name}: {same} of {len(near)} texts are the same as {arguments.file.name}'s")
    if problems or not wanted:
        sys.exit("\n".join(problems) or f"{arguments.file}: no answers")


if __name__ == "__main__":
    main()
