# SPDX-License-Identifier: Apache-2.0
"""Greedy answers of a demo model, computed by transformers in float32, and how many are right.

    python evaluate.py --model dense --problems problems.jsonl --answers answers.jsonl \
        --greedy ../../tests/data/demo/dense_greedy.jsonl

`--greedy` keeps the exact tokens of the first 64 problems, for tests that compare with them.
"""

import argparse
import collections
import json
import pathlib
import re

import torch
import transformers

import problems

BATCH = 125
NEAR_TIE = 0.02  # logits of two tokens this close may swap with another order of summation
KEPT = 64


def final_answer(text: str) -> str | None:
    """The number after the reasoning, or None where the model did not get to one."""
    match = re.search(r"</think>\s*The answer is (-?\d+)\.", text)
    return match.group(1) if match else None


def render(tokenizer, question: str) -> list[int]:
    """Token ids of the prompt that asks `question`."""
    messages = [{"role": "user", "content": question}]
    return tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)


@torch.no_grad()
def generate(model, prompts: list[list[int]]) -> list[tuple[list[int], float]]:
    """Greedy tokens of each prompt, and the smallest gap between the two best logits on the way.

    Prompts of equal length share a batch, so that no padding takes part.
    """
    by_length = collections.defaultdict(list)
    for index, prompt in enumerate(prompts):
        by_length[len(prompt)].append(index)
    found: list = [None] * len(prompts)
    for indices in by_length.values():
        for start in range(0, len(indices), BATCH):
            batch = indices[start : start + BATCH]
            for index, result in zip(batch, _generate_batch(model, [prompts[i] for i in batch])):
                found[index] = result
    return found


def _generate_batch(model, prompts: list[list[int]]) -> list[tuple[list[int], float]]:
    inputs = torch.tensor(prompts)
    output = model.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        do_sample=False,
        max_new_tokens=problems.MAX_COMPLETION_TOKENS,
        output_logits=True,
        return_dict_in_generate=True,
    )
    tokens = output.sequences[:, inputs.shape[1] :]
    best = torch.stack([step.float().topk(2).values for step in output.logits], dim=1)
    gaps = best[..., 0] - best[..., 1]
    results = []
    for row, gap in zip(tokens.tolist(), gaps):
        ends = [i for i, token in enumerate(row) if token == model.config.eos_token_id]
        length = ends[0] + 1 if ends else len(row)
        results.append((row[:length], gap[:length].min().item()))
    return results


def accuracy(model, tokenizer, questions: list[str], answers: list[str]) -> float:
    """Share of the questions that `model` answers right."""
    results = generate(model, [render(tokenizer, question) for question in questions])
    texts = [tokenizer.decode(tokens) for tokens, _ in results]
    return sum(final_answer(t) == a for t, a in zip(texts, answers)) / len(answers)


def read_lines(path: pathlib.Path) -> list[dict]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write_greedy(path: pathlib.Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="directory of the model")
    parser.add_argument("--problems", type=pathlib.Path, required=True)
    parser.add_argument("--answers", type=pathlib.Path, required=True)
    parser.add_argument("--greedy", type=pathlib.Path, help="where to keep the first answers")
    options = parser.parse_args()

    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    model.eval()
    answers = {row["custom_id"]: row["answer"] for row in read_lines(options.answers)}
    requests = read_lines(options.problems)
    prompts = [render(tokenizer, r["body"]["messages"][0]["content"]) for r in requests]

    right, rows = 0, []
    for request, prompt, (tokens, gap) in zip(requests, prompts, generate(model, prompts)):
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        right += final_answer(text) == answers[request["custom_id"]]
        row = {"custom_id": request["custom_id"], "prompt_token_ids": prompt}
        row |= {"token_ids": tokens, "text": text}
        rows.append(row | ({"near_tie": True} if gap < NEAR_TIE else {}))
    print(f"{right} of {len(requests)} right, {sum('near_tie' in r for r in rows)} near ties")
    if options.greedy:
        _write_greedy(options.greedy, rows[:KEPT])


if __name__ == "__main__":
    main()
