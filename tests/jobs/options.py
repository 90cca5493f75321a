#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests with options for the tests of the talus command, and checks of the answers.

    options.py make golden EXPECTED   requests to standard output: those that transformers answered
    options.py make more PROBLEMS     ... and others, of several samples, echoes, stops and prompts
    options.py check golden OUTPUT EXPECTED   token by token what transformers answered
    options.py check more OUTPUT      what can be known of the answers to the others
    options.py check parsed OUTPUT MORE   the same run with a reasoning parser, beside one without
"""

import json
import sys

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
CLOSE = 328  # </think> of the demo's tokenizer
PROMPT = "What is 12 + 30?"


def need(condition: bool, what: object) -> None:
    if not condition:
        sys.exit(f"options.py: {what}")


def read(file: str) -> list[dict]:
    return [json.loads(text) for text in open(file, encoding="utf-8")]


def line(custom_id: str, url: str, body: dict) -> dict:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def completion(custom_id: str, **body: object) -> dict:
    return line(custom_id, COMPLETIONS,
                {"prompt": PROMPT, "max_tokens": 12, "return_token_ids": True} | body)


def chat(custom_id: str, **body: object) -> dict:
    messages = [{"role": "user", "content": PROMPT}]
    return line(custom_id, CHAT, {"messages": messages, "max_tokens": 12, "return_token_ids": True} | body)


def make_golden(expected: str) -> list[dict]:
    return [line(one["custom_id"], COMPLETIONS, one["body"]) for one in read(expected)]


def make_more(problems: str) -> list[dict]:
    hot = {"temperature": 6.0, "ignore_eos": True}
    unfinished = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "<think>\n12"}]
    return [
        completion("three", n=3, seed=5, **hot, logprobs=1, prompt_logprobs=0),
        completion("four", n=4, **hot),
        completion("many", n=20, **hot, max_tokens=6),
        chat("chat", n=2, **hot, repetition_penalty=1.2),
        completion("best", n=2, best_of=6, **hot),
        completion("all-six", n=6, **hot, logprobs=0, seed=9),
        completion("best-of-six", n=2, best_of=6, **hot, logprobs=0, seed=9),
        completion("penalties", n=3, **hot, presence_penalty=1, frequency_penalty=1, seed=2),
        completion("echo", echo=True, logprobs=2, min_tokens=12),
        completion("echo-only", echo=True, logprobs=1, max_tokens=0, n=2),
        completion("echo-ids", prompt=[65, 66, 67], echo=True),
        completion("cut", prompt=PROMPT, truncate_prompt_tokens=3),
        completion("cut-right", prompt=PROMPT, truncate_prompt_tokens=3, truncation_side="right"),
        completion("cut-to-fit", prompt="1 + " * 600, truncate_prompt_tokens=-1),
        chat("stop", stop=["+"], max_tokens=40),
        chat("stop-kept", stop=["+"], max_tokens=40, include_stop_str_in_output=True),
        chat("stop-later", stop=["+"], max_tokens=40, min_tokens=12),
        chat("end-kept", include_stop_str_in_output=True, skip_special_tokens=False, max_tokens=200),
        chat("thought", thinking_token_budget=4, max_tokens=40),
        chat("not-cut", thinking_token_budget=150, max_tokens=200),
        chat("whole", max_tokens=200),
        line("continued", CHAT, {"messages": unfinished, "continue_final_message": True,
                                 "max_tokens": 200, "return_token_ids": True}),
        chat("circles", ignore_eos=True, max_tokens=200, n=2,
             repetition_detection={"max_pattern_size": 1, "min_count": 4}, allowed_token_ids=[16, 17]),
        completion("unknown-token", logit_bias={"384": 1}),
        completion("unknown-stop", stop_token_ids=[999]),
        completion("too-long", prompt="1 + " * 600),
        *[{**one, "body": one["body"] | {"n": 2, "temperature": 0.9, "top_p": 0.95, "min_p": 0.01}}
          for one in read(problems)[:6]],
    ]  # fmt: skip


def check_golden(file: str, expected: str) -> None:
    answers = {one["custom_id"]: one for one in read(file)}
    wrong = []
    for one in read(expected):
        choice = answers[one["custom_id"]]["response"]["body"]["choices"][0]
        if any(choice[key] != one[key] for key in ("token_ids", "finish_reason")):
            wrong.append((one["custom_id"], one["token_ids"], choice["token_ids"]))
    need(not wrong, wrong)


def check_samples(choices: dict[str, list[dict]], usage: dict[str, dict]) -> None:
    for name, count in {"three": 3, "four": 4, "many": 20, "chat": 2, "best": 2, "penalties": 3,
                        "echo-only": 2, "circles": 2}.items():  # fmt: skip
        need([one["index"] for one in choices[name]] == list(range(count)), choices[name])
    for name in ("three", "four", "many", "best", "penalties"):
        tokens = [tuple(one["token_ids"]) for one in choices[name]]
        need(len(set(tokens)) == len(tokens), f"samples of {name} are equal: {tokens}")
    need(usage["three"]["completion_tokens"] == 36, usage["three"])
    need(usage["best"]["completion_tokens"] == 72, usage["best"])
    for one in choices["three"]:
        need(len(one["prompt_logprobs"]) == usage["three"]["prompt_tokens"], one)

    # The samples of best_of are those that n would have told; told are the most probable.
    means = {tuple(one["token_ids"]): sum(one["logprobs"]["token_logprobs"]) for one in choices["all-six"]}
    best = sorted(means, key=means.get, reverse=True)[:2]
    need([tuple(one["token_ids"]) for one in choices["best-of-six"]] == best, choices["best-of-six"])


def check_prompts(choices: dict[str, list[dict]], usage: dict[str, dict]) -> None:
    echo = choices["echo"][0]
    need(echo["text"].startswith(PROMPT) and len(echo["text"]) > len(PROMPT), echo)
    prompt_tokens = usage["echo"]["prompt_tokens"]
    logprobs = echo["logprobs"]
    need(len(logprobs["tokens"]) == prompt_tokens + 12, logprobs)
    need("".join(logprobs["tokens"]) == echo["text"], logprobs)
    need(logprobs["token_logprobs"][0] is None and logprobs["top_logprobs"][0] is None, logprobs)
    need(all(value <= 0 for value in logprobs["token_logprobs"][1:]), logprobs)
    for one in choices["echo-only"]:
        need(one["text"] == PROMPT and one["token_ids"] == [], one)
        need(one["finish_reason"] == "length", one)
        need(one["logprobs"]["token_logprobs"] == logprobs["token_logprobs"][:prompt_tokens], one)
    need(usage["echo-only"]["completion_tokens"] == 0, usage["echo-only"])
    need(len(choices["echo-ids"][0]["text"]) > 3, choices["echo-ids"])

    whole = echo["prompt_token_ids"]
    need(choices["cut"][0]["prompt_token_ids"] == whole[-3:], choices["cut"])
    need(choices["cut-right"][0]["prompt_token_ids"] == whole[:3], choices["cut-right"])
    need(usage["cut-to-fit"]["prompt_tokens"] == 500, usage["cut-to-fit"])


def check_ends(choices: dict[str, list[dict]]) -> None:
    text = {name: own[0]["message"]["content"] for name, own in choices.items() if "message" in own[0]}
    need(text["stop"] == "<think>\n12 ", text["stop"])
    need(text["stop-kept"] == "<think>\n12 +", text["stop-kept"])
    need(len(choices["stop-later"][0]["token_ids"]) > 12, choices["stop-later"])
    need(text["whole"].startswith(text["stop-later"]), text["stop-later"])
    need(text["end-kept"].endswith("<|im_end|>"), text["end-kept"])
    need(text["end-kept"].startswith(text["whole"]), text["whole"])
    need(choices["thought"][0]["token_ids"].index(CLOSE) == 5, choices["thought"])
    need(text["not-cut"] == text["whole"], text["not-cut"])
    need("<think>\n12" + text["continued"] == text["whole"], text["continued"])
    for one in choices["circles"]:
        need(one["finish_reason"] == "repetition", one)
        need(one["stop_reason"] == "repetition_detected", one)
        need(len(set(one["token_ids"][-4:])) == 1, one)


def check_more(file: str) -> None:
    answers = read(file)
    failed = {one["custom_id"]: one["error"]["param"] for one in answers if one["error"]}
    need(failed == {"unknown-token": "body.logit_bias", "unknown-stop": "body.stop_token_ids",
                    "too-long": "body.prompt"}, failed)  # fmt: skip
    bodies = {one["custom_id"]: one["response"]["body"] for one in answers if not one["error"]}
    need(len(answers) == len(bodies) + len(failed) == 32, len(answers))
    choices = {name: body["choices"] for name, body in bodies.items()}
    usage = {name: body["usage"] for name, body in bodies.items()}
    check_samples(choices, usage)
    check_prompts(choices, usage)
    check_ends(choices)


def check_parsed(file: str, plain: str) -> None:
    bodies, others = ({one["custom_id"]: one["response"]["body"] for one in read(name)} for name in (file, plain))
    for name in ("whole", "thought", "end-kept"):
        choice, other = bodies[name]["choices"][0], others[name]["choices"][0]
        need(choice["token_ids"] == other["token_ids"], choice)
        message = choice["message"]
        parts = "<think>" + message["reasoning_content"] + "</think>" + message["content"]
        need(parts == other["message"]["content"], message)
        details = bodies[name]["usage"]["completion_tokens_details"]
        need(details["reasoning_tokens"] == choice["token_ids"].index(CLOSE) - 1, details)
    need("completion_tokens_details" not in bodies["echo"]["usage"], bodies["echo"])
    need(bodies["echo"]["choices"] == others["echo"]["choices"], bodies["echo"])


def main(command: str, kind: str, *files: str) -> None:
    if command == "make":
        for one in {"golden": make_golden, "more": make_more}[kind](*files):
            print(json.dumps(one))
    elif command == "check":
        {"golden": check_golden, "more": check_more, "parsed": check_parsed}[kind](*files)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
