# SPDX-License-Identifier: Apache-2.0
"""Conversations for the templates in whole/, which have the constructs and output forms of published ones."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.\nFor one \"place\".",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "city & country, e.g. <Genève>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["place"],
        },
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "a_search",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": ["string", "null"]},
                "options": {"type": "object", "properties": {"limit": {"type": "integer"}, "deep": {"type": "boolean"}}, "required": ["deep"]},
                "rest": {"type": "array"},
            },
        },
        "return": {"type": "string"},
    },
}

TRICKY = [
    {
        "type": "function",
        "function": {
            "name": "tricky",
            "description": " two\nlines ",
            "parameters": {
                "type": "object",
                "properties": {
                    "union": {"oneOf": [{"type": "string"}, {"type": "integer", "default": 3}], "description": "either"},
                    "deep": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "object", "properties": {"q": {"type": "string"}}}}}, "required": ["list"]},
                    "maybe": {"type": "string", "nullable": True, "default": "it's \"so\""},
                    "map": {"type": "object", "additionalProperties": {"type": "number"}},
                    "x-$ref name": {"type": "boolean", "default": False, "minimum": 0},
                    "any": {},
                },
                "required": ["union", "deep"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    },
    {"type": "function", "function": {"name": "nothing", "description": "no arguments", "parameters": {"type": "object", "properties": {}}}},
]
DOCUMENTS = [{"title": "T", "text": "Text one"}, {"doc_id": 7, "title": "U", "text": "Text\ntwo"}]


def call(name, arguments, call_id="abc123def"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(content):
    return {"role": "user", "content": content}


def system(content):
    return {"role": "system", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


def tool(content, call_id="abc123def"):
    return {"role": "tool", "content": content, "tool_call_id": call_id}


GENEVA = {"place": "Genève", "days": [1, 2], "exact": True, "ratio": 0.5, "none": None}
THOUGHT = "<think>\nTwo and two\nmake four.\n</think>\n\n4"

CONVERSATIONS = {
    "one turn": [user("What is 2 + 2?")],
    "system": [system("  Be brief.\n"), user("  Hi  ")],
    "several turns": [user("Hi"), assistant("Hello!"), user("2 + 2?"), assistant("4"), user("Sure?")],
    "ends with assistant": [system("S"), user("Hi"), assistant(" Hello ")],
    "thought in content": [user("2 + 2?"), assistant(THOUGHT), user("And 3 + 3?")],
    "thought last": [user("2 + 2?"), assistant(THOUGHT)],
    "thought in field": [user("2 + 2?"), assistant("4", reasoning_content="\nTwo and two.\n"), user("Why?"), assistant("So.", thinking="because")],
    "unicode": [system("Отвечай кратко 🙂"), user("你好\u3000世界 \u00e9 e\u0301 👩‍👩‍👧 <|im_end|>"), assistant("مرحبا"), user("\u0000\u001f\u2028")],
    "call": [user("Weather?"), assistant("", tool_calls=[call("get_weather", GENEVA)]), tool("{\"t\": 21}"), assistant("21 degrees."), user("Thanks")],
    "call, text with it": [system("S"), user("Weather?"), assistant("Looking.", tool_calls=[call("get_weather", {"place": "X"})]), tool("rain"), assistant("Rain.")],
    "call, open": [user("Weather?"), assistant("", tool_calls=[call("get_weather", {})]), tool("sun")],
    "two calls": [user("Both?"), assistant(None, tool_calls=[call("get_weather", GENEVA), call("a_search", {"query": "q'\"<>&"}, "xyz456uvw")]),
                  tool("one"), tool("two", "xyz456uvw"), assistant(THOUGHT), user("Next")],
    "call, arguments as text": [user("W?"), assistant("", tool_calls=[call("get_weather", "{\"place\": \"Y\"}")]), tool("fog")],
    "wrong order": [user("a"), user("b")],
    "assistant first": [assistant("I begin"), user("b")],
    "late system": [user("a"), assistant("b"), system("again"), user("c")],
    "unknown role": [user("a"), {"role": "critic", "content": "b"}],
    "content parts": [user([{"type": "text", "text": " look "}, {"type": "image"}, {"type": "text", "text": "here"}])],
    "bad call id": [user("W?"), assistant("", tool_calls=[call("get_weather", {}, "short")]), tool("x", "short")],
    "empty content": [user(""), assistant(""), user("")],
    "flags in text": [system("Be brief. /no_think"), user("a /think")],
    "thinking parts": [user("a"), assistant([{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "b"}]), user("c")],
    "developer": [{"role": "developer", "content": "Dev."}, user("a")],
    "steps": [user("W?"), assistant("One.", tool_calls=[call("get_weather", {"place": "A"})], reasoning_content="r1"), tool("1"),
              assistant(None, tool_calls=[call("a_search", {"query": None, "n": 1.5, "l": [1, {"z": True}]}, "xyz456uvw")], reasoning_content="r2"), tool("2", "xyz456uvw"), assistant("Done.", reasoning_content="r3"), user("Thanks")],
    "no content": [user("a"), assistant(None), user("b")],
    "empty": [],
}  # fmt: skip

WITH_TOOLS = ["one turn", "system", "steps", "call", "call, text with it", "call, open", "two calls", "call, arguments as text", "unicode", "bad call id", "empty"]

TOKENS = {
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "now": "2026-01-02T03:04:05"},
    "qwen3": {"eos_token": "<|im_end|>"},
    "qwen2_5": {"eos_token": "<|im_end|>"},
    "deepseek_r1": {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
    "deepseek_v3": {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>"},
    "turns": {"bos_token": "<bos>", "eos_token": "<eos>"},
    "schema": {},
    "apertus": {"bos_token": "<s>", "now": "2026-11-21T10:00:00"},
    "deepseek_v3_1": {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"},
    "gemma": {"bos_token": "<bos>"},
    "glm4": {},
    "gpt_oss": {"now": "2026-01-02T03:04:05"},
    "granite": {},
    "hermes": {"bos_token": "<s>"},
    "kimi_k2": {},
    "llama2": {"bos_token": "<s>", "eos_token": "</s>"},
    "llama4": {"bos_token": "<|begin_of_text|>"},
    "minimax_m2": {},
    "mistral3": {"bos_token": "<s>", "eos_token": "</s>", "now": "2026-11-21T10:00:00"},
    "olmo2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
    "phi": {"eos_token": "<|endoftext|>"},
    "qwen3_coder": {},
    "seed_oss": {},
    "smollm3": {"now": "2026-11-21T10:00:00"},
}

EXTRAS = {
    "llama3": [{"date_string": "1 Apr 2025"}, {"tools_in_user_message": False, "tools": [WEATHER, SEARCH]}, {"builtin_tools": ["search", "code_interpreter", "get_weather"]}],
    "qwen3": [{"enable_thinking": False}, {"enable_thinking": True}],
    "deepseek_v3": [{"thinking": True}, {"thinking": False}],
    "apertus": [{"enable_thinking": True}, {"tools": TRICKY}],
    "deepseek_v3_1": [{"thinking": True}, {"tools": TRICKY}],
    "glm4": [{"enable_thinking": False}, {"enable_thinking": False, "tools": TRICKY}],
    "gpt_oss": [{"reasoning_effort": "high", "builtin_tools": ["python", "browser"]}, {"model_identity": "X.", "tools": TRICKY}],
    "granite": [{"thinking": True}, {"controls": {"citations": True, "length": "short"}}, {"documents": DOCUMENTS}, {"documents": DOCUMENTS, "tools": TRICKY}],
    "hermes": [{"tools": TRICKY}],
    "kimi_k2": [{"tools": TRICKY}],
    "llama4": [{"tools_in_user_message": False, "tools": TRICKY}, {"custom_tools": TRICKY}],
    "minimax_m2": [{"tools": TRICKY}],
    "qwen3_coder": [{"tools": TRICKY}],
    "seed_oss": [{"thinking_budget": 0}, {"thinking_budget": 600}, {"thinking_budget": 9999, "tools": TRICKY}],
    "smollm3": [{"enable_thinking": False}, {"xml_tools": [{"a": 1}]}],
    "schema": [{"documents": [{"kind": "paper", "title": "B"}, {"kind": "book", "title": "A"}, {"kind": "paper", "title": "C"}]}],
}  # fmt: skip


def whole_cases():
    """Yields (name, template's file, variables)."""
    for template, tokens in TOKENS.items():
        for index, (name, messages) in enumerate(CONVERSATIONS.items()):
            yield f"{template}: {name}", template, tokens | {"messages": messages, "add_generation_prompt": index % 4 != 3}
        for name in WITH_TOOLS:
            variables = tokens | {"messages": CONVERSATIONS[name], "tools": [WEATHER, SEARCH], "add_generation_prompt": True}
            yield f"{template}: {name}, with tools", template, variables
        for extra in EXTRAS.get(template, []):
            label = ", ".join(key if isinstance(value, (list, dict)) else f"{key} {value}" for key, value in extra.items())
            for name in ("one turn", "thought in content", "call", "steps"):
                variables = tokens | {"messages": CONVERSATIONS[name], "add_generation_prompt": True} | extra
                yield f"{template}: {name}, {label}", template, variables
