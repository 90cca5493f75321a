# SPDX-License-Identifier: Apache-2.0
"""Writes cases.jsonl: chat templates, what goes in, and what transformers renders.

    python make_templates.py        (needs transformers and jinja2)

One JSON object a line: `name`, `template` (or `whole`: its file in whole/), `messages`, `tools` and `documents` (null: none given), `kwargs` (the other
variables: add_generation_prompt, bos_token, enable_thinking, ...), where it matters `now` (local time for strftime_now), and either
`expected` or `error`: {`kind`: "syntax" (found before rendering), "raised" (by raise_exception) or "runtime"; `message`: the text
that Python gave, which is a promise only for "raised"}.
Whole templates lie in whole/, their cases in chat_cases.py; the small ones in statement_cases.py and expression_cases.py.
"""

import datetime
import json
import pathlib

import jinja2
from transformers.utils import chat_template_utils

import chat_cases
import expression_cases
import statement_cases

HERE = pathlib.Path(__file__).resolve().parent
MESSAGES = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "What is 2 + 2?"},
    {"role": "assistant", "content": "It is 4."},
]


class FixedClock(datetime.datetime):
    """Stands in for datetime inside transformers."""

    fixed = None

    @classmethod
    def now(cls, tz=None):
        if cls.fixed is None:
            raise RuntimeError("a case uses strftime_now without saying when now is")
        return cls.fixed


def small_cases(module):
    for group, entries in module.CASES.items():
        for index, entry in enumerate(entries, start=1):
            template, variables = (entry, {}) if isinstance(entry, str) else entry
            yield f"{group} {index}", template, {"messages": MESSAGES} | module.COMMON_VARIABLES | variables


def all_cases():
    """Yields (name, where its template is in the row, template, variables)."""
    for module in (statement_cases, expression_cases):
        for name, template, variables in small_cases(module):
            yield name, {"template": template}, template, variables
    for name, whole, variables in chat_cases.whole_cases():
        file = f"{whole}.jinja"
        yield name, {"whole": file}, (HERE / "whole" / file).read_text(), variables


def failure(error):
    if isinstance(error, (jinja2.TemplateSyntaxError, SyntaxError)):
        kind = "syntax"
    else:
        kind = "raised" if type(error) is jinja2.TemplateError else "runtime"
    return {"kind": kind, "message": str(error)}


def render(name, place, template, variables):
    variables = json.loads(json.dumps(variables))  # what a reader of the file will see
    case = {key: variables.pop(key, None) for key in ("messages", "tools", "documents")}
    now = variables.pop("now", None)
    variables.setdefault("add_generation_prompt", False)
    used = {word: value for word, value in variables.items() if word in template or word == "add_generation_prompt"}
    FixedClock.fixed = now and datetime.datetime.fromisoformat(now)
    row = {"name": name, **place, **case, "kwargs": used} | ({"now": now} if now else {})
    try:
        texts, _ = chat_template_utils.render_jinja_template(
            [case["messages"]], tools=case["tools"], documents=case["documents"], chat_template=template, **used
        )
        return row | {"expected": texts[0]}
    except Exception as error:  # whatever a template does wrong
        return row | {"error": failure(error)}


def main():
    chat_template_utils.datetime = FixedClock
    rows = [render(*case) for case in all_cases()]
    names = [row["name"] for row in rows]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise RuntimeError(f"names given twice: {repeated}")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (HERE / "cases.jsonl").write_bytes(text.encode())
    print(len(rows), "cases,", sum("error" in row for row in rows), "of them errors,", len(text.encode()), "bytes")


if __name__ == "__main__":
    main()
