#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes requests for the tests of the talus command, and checks its answers.

    answers.py make KIND PROBLEMS     requests to standard output: mixed, features, or greedy
    answers.py check KIND OUTPUT      the answers to them
    answers.py greedy OUTPUT EXPECTED token by token what transformers answered
    answers.py equal OUTPUT...        the same answers, whatever the order of lines
    answers.py status FILE STATE REQUESTS ANSWERS   what --status says at the end
    answers.py trace FOLDER REQUESTS  a trace that h5py reads, with a row for each request
"""

import json
import pathlib
import sys

CHAT = "/v1/chat/completions"


def need(condition: bool, what: object) -> None:
    if not condition:
        sys.exit(f"answers.py: {what}")


def read(file: str) -> dict[str, dict]:
    """The lines of an output by custom_id, with " failed" behind it where it has an error."""
    lines = [json.loads(text) for text in open(file, encoding="utf-8")]
    answers = {one["custom_id"] + (" failed" if one["error"] else ""): one for one in lines}
    need(len(answers) == len(lines), f"{file} answers a request twice")
    return answers


def line(custom_id: str, url: str = CHAT, **body: object) -> str:
    request = {"custom_id": custom_id, "method": "POST", "url": url}
    return json.dumps(request | {"body": {"max_completion_tokens": 8} | body})


def question(text: str = "What is 12 + 30?") -> list[dict]:
    return [{"role": "user", "content": text}]


def make_mixed() -> list[str]:
    lines = [line(f"good{i}", messages=question()) for i in range(7)]
    lines.insert(1, '{"custom_id": "broken", ')
    lines.insert(3, line("unknown", messages=question(), frobnicate=1))
    lines.insert(5, line("good0", messages=question()))
    lines.insert(7, line("long", messages=question("1 + " * 600)))
    lines.append(line("missing"))
    return lines


def check_mixed(file: str) -> None:
    answers = read(file)
    need(len(open(file, encoding="utf-8").readlines()) == 12, "not 12 lines")
    codes = {name: answer["error"]["code"] for name, answer in answers.items() if answer["error"]}
    need(codes == {"broken failed": "invalid_json", "unknown failed": "unknown_parameter",
                   "good0 failed": "duplicate_custom_id", "long failed": "invalid_value",
                   "missing failed": "missing_field"}, codes)
    for i in range(7):
        choice = answers[f"good{i}"]["response"]["body"]["choices"][0]
        need(choice["message"]["content"].startswith("<think>\n12 + 30"), choice)


def make_features() -> list[str]:
    random = {"prompt": "The", "temperature": 2.0, "max_tokens": 24, "return_token_ids": True,
              "max_completion_tokens": None}
    return [
        line("stop", messages=question(), stop=["+"], max_completion_tokens=160),
        line("ignored-end", messages=question(), ignore_eos=True, max_completion_tokens=200),
        line("end", messages=question(), max_completion_tokens=200),
        line("logprobs", messages=question(), logprobs=True, top_logprobs=3),
        line("prompt", messages=question(), prompt_logprobs=2),
        line("seed-a", "/v1/completions", **random, seed=5),
        line("seed-b", "/v1/completions", **random, seed=6),
    ]


def check_features(file: str) -> None:
    bodies = {name: answer["response"]["body"] for name, answer in read(file).items()}
    choices = {name: body["choices"][0] for name, body in bodies.items()}
    need(choices["stop"]["message"]["content"] == "<think>\n12 ", choices["stop"])
    need(choices["stop"]["stop_reason"] == "+", choices["stop"])
    need(choices["stop"]["finish_reason"] == "stop", choices["stop"])
    need(choices["end"]["finish_reason"] == "stop", choices["end"])
    need(choices["ignored-end"]["finish_reason"] == "length", choices["ignored-end"])
    need(bodies["ignored-end"]["usage"]["completion_tokens"] == 200, bodies["ignored-end"])

    tokens = choices["logprobs"]["logprobs"]["content"]
    need(len(tokens) == 8, tokens)
    text = "".join(token["token"] for token in tokens)
    need(text == choices["logprobs"]["message"]["content"], text)
    for token in tokens:
        top = [other["logprob"] for other in token["top_logprobs"]]
        need(len(top) == 3 and top == sorted(top, reverse=True), token)
        need(token["logprob"] == top[0] <= 0.0, token)  # greedy takes the most probable

    prompt = bodies["prompt"]["prompt_logprobs"]
    need(len(prompt) == bodies["prompt"]["usage"]["prompt_tokens"], len(prompt))
    need(prompt[0] is None and all(2 <= len(place) <= 3 for place in prompt[1:]), prompt)

    need(choices["seed-a"]["token_ids"] != choices["seed-b"]["token_ids"], "seeds don't matter")


def make_greedy(problems: str) -> list[str]:
    requests = [json.loads(text) for text in list(open(problems, encoding="utf-8"))[:64]]
    for request in requests:
        request["body"]["return_token_ids"] = True
    return [json.dumps(request) for request in requests]


def check_greedy(file: str, expected_file: str) -> None:
    answers = read(file)
    expected = [json.loads(text) for text in open(expected_file, encoding="utf-8")]
    need(len(expected) == len(answers) == 64, len(answers))
    wrong = []
    for one in expected:
        body = answers[one["custom_id"]]["response"]["body"]
        told = {"token_ids": body["choices"][0]["token_ids"], "prompt_token_ids": body["prompt_token_ids"]}
        if any(told[key] != one[key] for key in told):
            wrong.append(one["custom_id"])
    need(not wrong, f"{len(wrong)} of 64 answers differ: {wrong}")


def comparable(file: str) -> dict[str, dict]:
    """Answers without what a run may choose: ids, times, and places."""
    answers = read(file)
    for answer in answers.values():
        del answer["id"], answer["response"]["request_id"]
        for key in ("id", "created", "x_talus"):
            answer["response"]["body"].pop(key, None)
    return answers


def check_equal(files: list[str]) -> None:
    first = comparable(files[0])
    need(len(first) > 0, f"{files[0]} has no answers")
    for file in files[1:]:
        other = comparable(file)
        wrong = [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)]
        need(not wrong, f"{files[0]} and {file} differ in {sorted(wrong)}")


def check_trace(folder: str, num_requests: int) -> None:
    import h5py  # only here: the other checks need no package

    with h5py.File(pathlib.Path(folder) / "trace.h5") as trace:
        requests = trace["requests"][...]
        requests = requests[requests["rank"] >= 0]
        steps = trace["steps"][...]
        steps = steps[steps["rank"] >= 0]
        need(len(requests) == num_requests, f"{len(requests)} requests")
        need(len(set(steps["rank"])) == 2, "not two ranks")
        need(steps["num_prefill_tokens"].sum() > 0, "no tokens")


def check_status(file: str, state: str, num_requests: int, num_answers: int) -> None:
    status = json.loads(open(file, encoding="utf-8").read())
    need(status["state"] == state, f"state {status['state']}")
    need(status["requests"] == num_requests, f"{status['requests']} requests")
    need(status["answers"] == num_answers, f"{status['answers']} answers")
    done = status["answers"] + status["errors"]
    need(status["left"] == num_requests - done, f"{status['left']} left")
    need((status["left"] == 0) == (state == "done"), status)
    need(bool(status["reason"]) == (state == "stopped"), f"reason {status['reason']}")


def main(command: str, *arguments: str) -> None:
    if command == "make":
        kind, problems = arguments
        makers = {"mixed": make_mixed, "features": make_features,
                  "greedy": lambda: make_greedy(problems)}
        print("\n".join(makers[kind]()))
    elif command == "check":
        kind, output = arguments
        {"mixed": check_mixed, "features": check_features}[kind](output)
    elif command == "greedy":
        check_greedy(*arguments)
    elif command == "equal":
        check_equal(list(arguments))
    elif command == "status":
        check_status(arguments[0], arguments[1], int(arguments[2]), int(arguments[3]))
    elif command == "trace":
        check_trace(arguments[0], int(arguments[1]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
