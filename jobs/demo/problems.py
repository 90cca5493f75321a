# SPDX-License-Identifier: Apache-2.0
"""Arithmetic problems and their written-out solutions, for the demo models.

A problem has two operations: "What is 347 + 58 - 119?". Its solution works column by column, ones
first, with carries and borrows written out, so that no step needs more than one-digit arithmetic:

    <think>
    347 + 58: ones 7+8=15, tens 4+5+1=10, hundreds 3+0+1=4, so 405.
    405 - 119: ones 15-9=6, tens 10-1-1=8, hundreds 4-1-1=2, so 286.
    </think>

    The answer is 286.

Numbers and intermediate results are never negative. `split_of` assigns every problem to one of the
three splits by a hash of its text, so that the test problems can't appear in training.

    python problems.py --problems problems.jsonl --answers answers.jsonl

writes problems of the test split as a batch of chat requests, and their answers.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import random

COLUMNS = ("ones", "tens", "hundreds", "thousands")
MAX_COMPLETION_TOKENS = 160  # the longest solution takes about 125
QUESTIONS = ("What is {}?", "Calculate {}.", "How much is {}?")


@dataclasses.dataclass(frozen=True)
class Problem:
    """One problem: what the user asks, the reasoning, and the answer."""

    expression: str
    question: str
    reasoning: str
    answer: int

    @property
    def completion(self) -> str:
        """The assistant's whole turn, without the end-of-turn token."""
        return f"<think>\n{self.reasoning}</think>\n\nThe answer is {self.answer}."


def _digits(number: int, count: int) -> list[int]:
    """The lowest `count` decimal digits, ones first."""
    return [number // 10**i % 10 for i in range(count)]


def _add(a: int, b: int) -> list[str]:
    count = len(str(max(a, b)))
    carry, columns = 0, []
    for x, y in zip(_digits(a, count), _digits(b, count)):
        total = x + y + carry
        columns.append(f"{x}+{y}{'+1' if carry else ''}={total}")
        carry = total // 10
    return columns


def _subtract(a: int, b: int) -> list[str]:
    if b > a:
        raise ValueError(f"{a} - {b} is negative")
    count = len(str(a))
    borrow, columns = 0, []
    for x, y in zip(_digits(a, count), _digits(b, count)):
        minus_one = "-1" if borrow else ""
        difference = x - y - borrow
        borrow = int(difference < 0)
        columns.append(f"{x + 10 * borrow}-{y}{minus_one}={difference + 10 * borrow}")
    return columns


def _multiply(a: int, b: int) -> list[str]:
    carry, columns = 0, []
    for x in _digits(a, len(str(a))):
        total = x * b + carry
        columns.append(f"{x}*{b}{f'+{carry}' if carry else ''}={total}")
        carry = total // 10
    return columns


_OPERATIONS = {
    "+": (_add, lambda a, b: a + b),
    "-": (_subtract, lambda a, b: a - b),
    "*": (_multiply, lambda a, b: a * b),
}


def _step(a: int, operation: str, b: int) -> tuple[str, int]:
    """One line of reasoning and its result. `b` has one digit where `operation` is "*"."""
    write_columns, compute = _OPERATIONS[operation]
    result = compute(a, b)
    columns = ", ".join(f"{name} {text}" for name, text in zip(COLUMNS, write_columns(a, b)))
    return f"{a} {operation} {b}: {columns}, so {result}.\n", result


def _solve(a: int, first: str, b: int, second: str, c: int, form: str) -> tuple[str, str, int]:
    """Expression, reasoning and answer of (a first b) second c, or of c second (a first b)."""
    line, middle = _step(a, first, b)
    if form == "right":
        last_line, answer = _step(c, second, middle)
        return f"{c} {second} {a} {first} {b}", line + last_line, answer
    last_line, answer = _step(middle, second, c)
    inner = f"({a} {first} {b})" if form == "parentheses" else f"{a} {first} {b}"
    return f"{inner} {second} {c}", line + last_line, answer


def _number(rng: random.Random, most_digits: int) -> int:
    """A positive number, biased to many digits, as those are the ones that need practice."""
    digits = rng.choices(range(1, most_digits + 1), weights=range(1, most_digits + 1))[0]
    return rng.randrange(10 ** (digits - 1), 10**digits)


def draw(rng: random.Random) -> Problem:
    """Draws one problem."""
    while True:
        first, second = rng.choice("+-"), rng.choice("+-")
        form = rng.choice(("chain", "chain", "left", "right", "parentheses"))
        digit = rng.randrange(2, 10)
        if form == "chain":
            numbers = (_number(rng, 3), first, _number(rng, 3), second, _number(rng, 3))
        elif form == "parentheses":
            numbers = (_number(rng, 2), first, _number(rng, 2), "*", digit)
        else:
            numbers = (_number(rng, 2), "*", digit, second, _number(rng, 3))
        try:
            expression, reasoning, answer = _solve(*numbers, form)
        except ValueError:
            continue
        return Problem(expression, rng.choice(QUESTIONS).format(expression), reasoning, answer)


def split_of(problem: Problem) -> str:
    """The split of a problem, "train", "validation" or "test", by a hash of its expression."""
    slot = hashlib.sha256(problem.expression.encode()).digest()[0]
    return "test" if slot < 16 else "validation" if slot < 32 else "train"


def sample(seed: int, split: str, count: int) -> list[Problem]:
    """`count` different problems of one split; the same for the same seed."""
    rng = random.Random(seed)
    chosen: dict[str, Problem] = {}
    while len(chosen) < count:
        problem = draw(rng)
        if split_of(problem) == split:
            chosen.setdefault(problem.expression, problem)
    return list(chosen.values())


def _request(custom_id: str, problem: Problem) -> dict:
    body = {
        "messages": [{"role": "user", "content": problem.question}],
        "max_completion_tokens": MAX_COMPLETION_TOKENS,
    }
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes problems that no model was trained on.")
    parser.add_argument("--problems", type=pathlib.Path, required=True)
    parser.add_argument("--answers", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    chosen = sample(options.seed, "test", options.count)
    with options.problems.open("w") as requests, options.answers.open("w") as answers:
        for number, problem in enumerate(chosen, start=1):
            custom_id = f"p{number:04}"
            requests.write(json.dumps(_request(custom_id, problem)) + "\n")
            answer = {"custom_id": custom_id, "answer": str(problem.answer)}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
