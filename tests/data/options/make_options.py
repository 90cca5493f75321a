# SPDX-License-Identifier: Apache-2.0
"""Makes dense.jsonl: what Hugging Face transformers answers under the options of a request.

    python make_options.py        (needs torch and transformers 5)

Greedy answers of the demo's dense model in float32. Each line has a request of /v1/completions, the tokens that
transformers generates under its own processors of that meaning, and why they end. What transformers has no
processor for (presence and frequency penalties, the budget of thinking, the end of circles) is written here plainly
around its generate(). Only prompts are kept where no rounding can decide a token: see MIN_GAP.
"""

import json
import pathlib

import torch
import transformers
from transformers import LogitsProcessor, LogitsProcessorList

HERE = pathlib.Path(__file__).resolve().parent
DEMO = HERE.parents[2] / "jobs" / "demo"
MIN_GAP = 0.02
MAX_TOKENS = 48
EOS = (326, 324)
PROMPTS_EACH = 2
MOST_PROMPTS = 24


class OutputPenalties(LogitsProcessor):
    """OpenAI's formula: logit -= count * frequency + (count > 0) * presence, of tokens of the output."""

    def __init__(self, prompt_length, presence, frequency):
        self.prompt_length, self.presence, self.frequency = prompt_length, presence, frequency

    def __call__(self, input_ids, scores):
        output = input_ids[0, self.prompt_length :]
        counts = torch.bincount(output, minlength=scores.shape[1])
        return scores - counts * self.frequency - (counts > 0) * self.presence


class Judge:
    def __init__(self):
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(DEMO / "dense")
        self.model = transformers.AutoModelForCausalLM.from_pretrained(DEMO / "dense", dtype=torch.float32)

    def words(self, words):
        """The token sequences that vLLM bans for a list of words."""
        banned = []
        for word in words:
            bare, inner = (self.tokenizer.encode(p + word.lstrip(), add_special_tokens=False) for p in ("", " "))
            banned.append(bare)
            if inner[0] != bare[0] and len(inner) == len(bare):
                banned.append(inner)
        return banned

    @torch.no_grad()
    def generate(self, prompt, max_tokens=MAX_TOKENS, **how):
        """Greedy tokens and the smallest gap between the two best scores on the way."""
        out = self.model.generate(
            torch.tensor([prompt]),
            do_sample=False,
            max_new_tokens=max_tokens,
            eos_token_id=how.pop("eos_token_id", list(EOS)),
            pad_token_id=0,
            output_scores=True,
            return_dict_in_generate=True,
            **how,
        )
        best = [scores[0].topk(2).values for scores in out.scores]
        gaps = [(two[0] - two[1]).item() for two in best]
        return out.sequences[0, len(prompt) :].tolist(), min(gaps)

    def answer(self, prompt, body):
        how, processors = {}, LogitsProcessorList()
        if "repetition_penalty" in body:
            how["repetition_penalty"] = body["repetition_penalty"]
        if "min_tokens" in body:
            how["min_new_tokens"] = body["min_tokens"]
        if "bad_words" in body:
            how["bad_words_ids"] = self.words(body["bad_words"])
        if "allowed_token_ids" in body:
            how["prefix_allowed_tokens_fn"] = lambda batch, ids: body["allowed_token_ids"]
        if "logit_bias" in body:
            how["sequence_bias"] = [[[int(token)], float(bias)] for token, bias in body["logit_bias"].items()]
        if "presence_penalty" in body or "frequency_penalty" in body:
            penalties = body.get("presence_penalty", 0.0), body.get("frequency_penalty", 0.0)
            processors.append(OutputPenalties(len(prompt), *penalties))
        if body.get("ignore_eos"):
            how["eos_token_id"] = None
        if "thinking_token_budget" in body:
            return self.answer_in_budget(prompt, body["thinking_token_budget"])
        tokens, gap = self.generate(prompt, body["max_tokens"], logits_processor=processors, **how)
        if "repetition_detection" in body:
            tokens = until_circle(tokens, **body["repetition_detection"])
        return tokens, gap

    def answer_in_budget(self, prompt, budget):
        think, close = (self.tokenizer.convert_tokens_to_ids(mark) for mark in ("<think>", "</think>"))
        start, gap = self.generate(prompt, 1 + budget)
        if start[0] != think or close in start or set(start) & set(EOS):
            return start, 0.0  # it does not think, or not for so long
        start.append(close)
        rest, rest_gap = self.generate(prompt + start, MAX_TOKENS - len(start))
        return start + rest, min(gap, rest_gap)


def until_circle(tokens, max_pattern_size, min_count, min_pattern_size=1):
    """The tokens up to where a pattern stands min_count times in a row."""
    for end in range(1, len(tokens) + 1):
        for size in range(min_pattern_size, max_pattern_size + 1):
            last = tokens[:end][-size * min_count :]
            if len(last) == size * min_count and last == last[-size:] * min_count:
                return tokens[:end]
    return tokens


def cases(judge, likely):
    """Bodies with options that matter where the answer would begin so."""
    word = judge.tokenizer.decode(likely[6:8])
    used = sorted(set(likely))
    yield "repetition_penalty", {"repetition_penalty": 1.6, "min_tokens": 24}
    yield "repetition_reward", {"repetition_penalty": 0.5, "min_tokens": 24}
    yield "presence_penalty", {"presence_penalty": 2.0, "min_tokens": 24}
    yield "frequency_penalty", {"frequency_penalty": 1.5, "min_tokens": 24}
    yield "frequency_reward", {"frequency_penalty": -1.0, "presence_penalty": 0.5, "min_tokens": 24}
    yield "min_tokens", {"min_tokens": MAX_TOKENS, "logit_bias": {"326": 12.0}}
    yield "early_end", {"logit_bias": {"326": 40.0}, "min_tokens": 7}
    yield "logit_bias", {"logit_bias": {str(likely[3]): -30.0, str(likely[5]): -30.0, "16": 4.0}}
    yield "allowed", {"allowed_token_ids": used[::2] + [326]}
    yield "bad_words", {"bad_words": [word, "+", "The"]}
    yield "all", {
        "repetition_penalty": 1.2, "presence_penalty": 0.3, "frequency_penalty": 0.2, "min_tokens": 20,
        "bad_words": [word], "logit_bias": {"326": 6.0, str(likely[4]): -5.0},
    }  # fmt: skip
    yield "thinking_none", {"thinking_token_budget": 0}
    yield "thinking_some", {"thinking_token_budget": 6}
    yield "circle", {"ignore_eos": True, "max_tokens": 128,
                     "repetition_detection": {"max_pattern_size": 40, "min_count": 2, "min_pattern_size": 3}}  # fmt: skip


def reason(tokens, body):
    if tokens[-1] in EOS and not body.get("ignore_eos"):
        return "stop"
    return "length" if len(tokens) == body["max_tokens"] else "repetition"


def main():
    judge = Judge()
    lines = [json.loads(text) for text in (DEMO / "problems.jsonl").read_text().splitlines()]
    found = {}
    for number, line in enumerate(lines[:MOST_PROMPTS]):
        messages = line["body"]["messages"]
        prompt = judge.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        if number % 2 == 1:  # outside of its template the model is less sure of everything
            prompt = judge.tokenizer.encode(messages[-1]["content"], add_special_tokens=False)[:-2]
        greedy, _ = judge.generate(prompt)
        endless, _ = judge.generate(prompt, eos_token_id=None)
        for name, options in cases(judge, endless):
            kept = found.setdefault(name, [])
            if len(kept) == PROMPTS_EACH:
                continue
            body = {"prompt": prompt, "max_tokens": MAX_TOKENS, "return_token_ids": True} | options
            tokens, gap = judge.answer(prompt, body)
            if gap >= MIN_GAP and tokens != greedy:
                kept.append({"custom_id": f"{name}-{number}", "body": body, "token_ids": tokens,
                             "finish_reason": reason(tokens, body)})  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for kept in found.values() for line in kept)
    (HERE / "dense.jsonl").write_text(text)
    print({name: len(kept) for name, kept in found.items()})


if __name__ == "__main__":
    main()
