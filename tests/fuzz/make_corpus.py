#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds and dictionaries of the fuzz targets: `make_corpus.py`, in this folder.

Seeds are small, so that a fuzzer gets far with each. Files named found-* are inputs that a fuzzer
found to break something once, and stay as they are; all others are written anew.
"""

import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
DATA = HERE.parent / "data"


def write(target, seeds):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if not old.name.startswith("found-"):
            old.unlink()
    for name, content in seeds.items():
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)


def dictionary(target, words):
    lines = []
    for word in words:
        escaped = "".join(c if c not in '"\\' else "\\" + c for c in word)
        lines.append(f'"{escaped}"\n')
    (HERE / f"{target}.dict").write_text("".join(lines), encoding="utf-8")


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, first, last):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


SAFETENSORS = {
    "none": safetensors({}),
    "two": safetensors({"__metadata__": {"format": "pt"}, "a": entry("F32", [2], 0, 8),
                        "b": entry("BF16", [1, 2], 8, 12)}, bytes(12)),
    "empty": safetensors({"e": entry("F16", [0, 7], 0, 0), "s": entry("F64", [], 0, 8)}, bytes(8)),
    "unknown": safetensors({"e": entry("F4", [3], 0, 2)}, bytes(2)),
    "hole": safetensors({"a": entry("U8", [1], 1, 2)}, bytes(2)),
    "overflow": safetensors({"a": entry("I64", [2**62, 2**62], 0, 8)}, bytes(8)),
    "short": b"\x10\0\0\0\0\0\0\0{}",
    "long": b"\xff\xff\xff\xff\xff\xff\xff\x7f{}",
}

WEIGHT_MAP = {
    "one": {"metadata": {"total_size": 4}, "weight_map": {"a": "model-1.safetensors"}},
    "wrapped": {"weight_map": {"a": {"file": "x"}, "b": "y"}},
    "outside": {"weight_map": {"a": "../x"}},
    "list": {"weight_map": ["a"]},
}

MANIFEST_TENSORS = [
    {"name": "a", "type": "float32", "offset": 0, "bytes": 5000, "xxh3": ["0" * 16, "f" * 16]},
    {"name": "b", "type": "int4-g32", "scales": "bfloat16", "offset": 5056, "bytes": 64,
     "xxh3": ["0123456789abcdef"]}]
MANIFEST_FILE = {"file": "stage-0-shard-0.weights", "bytes": 5120, "tensors": MANIFEST_TENSORS}
MANIFEST_ONE = {
    "format": "talus-packed-weights", "format_version": 1, "talus": "0.1.0",
    "config_xxh3": "0" * 16,
    "grid": {"tensor_parallel_size": 2, "pipeline_parallel_size": 1, "expert_parallel_size": 1},
    "kernels": {"backend": "avx2", "packing": "0" * 16}, "dtype": "bfloat16",
    "quantization": "none", "chunk_bytes": 4096, "files": [MANIFEST_FILE]}
MANIFEST = {
    "one": MANIFEST_ONE,
    "none": {**MANIFEST_ONE, "files": []},
    "outside": {**MANIFEST_ONE, "files": [{**MANIFEST_FILE, "file": "../x"}]},
    "overlap": {**MANIFEST_ONE, "files": [{**MANIFEST_FILE, "tensors": MANIFEST_TENSORS[::-1]}]},
    "huge": {**MANIFEST_ONE, "files": [{**MANIFEST_FILE, "bytes": 2**63}]},
    "other": {"format": "other"},
}

JSON = {
    "values": '{"a":[1,-2,3.5e-3,true,false,null,"x\\u00e9\\ud83d\\ude00\\n"],"b":{},"c":[]}',
    "number": "18446744073709551615",
    "huge": "1e999",
    "twice": '{"a":1,"a":2}',
    "keys": {f"k{i}": i for i in range(20)},
    "deep": "[" * 250,
    "surrogate": '"\\ud800"',
    "utf8": b'"\xc3\x28"',
    "mark": b"\xef\xbb\xbf[]",
}

GENERATION = {
    "qwen": {"do_sample": True, "eos_token_id": [1, 2], "repetition_penalty": 1.05,
             "temperature": 0.7, "top_k": 20, "top_p": 0.8, "transformers_version": "4.51.0"},
    "greedy": {"do_sample": False, "max_length": 20, "eos_token_id": 2},
    "wrong": {"temperature": "hot", "top_p": -1, "top_k": 1e300},
    "list": [1],
}


def config_seeds():
    seeds = {}
    for folder in sorted((DATA / "models").glob("*/config.json")):
        config = json.loads(folder.read_text())
        for boring in ("initializer_range", "transformers_version", "use_cache",
                       "attention_dropout", "output_router_logits", "vision_config"):
            config.pop(boring, None)
        seeds[folder.parent.name] = config
    return seeds


def bpe(vocab, merges, **more):
    return {"type": "BPE", "vocab": {t: i for i, t in enumerate(vocab)}, "merges": merges, **more}


def added(content, id, **more):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True, **more}


def tokenizer(model, **more):
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
            "post_processor": None, "decoder": None, "model": model, **more}


def template(*pieces):
    single = [{"Sequence": {"id": "A", "type_id": 0}} if p is None else
              {"SpecialToken": {"id": p, "type_id": 0}} for p in pieces]
    tokens = {p: {"id": p, "ids": [0], "tokens": [p]} for p in pieces if p}
    return {"type": "TemplateProcessing", "single": single, "pair": single,
            "special_tokens": tokens}


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
SPLIT = {"type": "Split", "pattern": {"Regex": r"(?i:'s|'t)|\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"},
         "behavior": "Isolated", "invert": False}
LETTERS = list("Theacfostdnx12345'") + ["Ġ", "Ċ", "Ã", "©"]
META = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}

TOKENIZER = {
    "bytes": tokenizer(bpe(LETTERS + ["Th", "The"], ["T h", "Th e"]), pre_tokenizer=BYTES,
                       decoder=BYTES, post_processor=BYTES),
    "llama3": tokenizer(bpe(["<s>"] + LETTERS + ["Th"], [["T", "h"]], ignore_merges=True),
                        added_tokens=[added("<s>", 0)], decoder=BYTES,
                        post_processor={"type": "Sequence", "processors": [template("<s>", None)]},
                        pre_tokenizer={"type": "Sequence", "pretokenizers": [
                            SPLIT, {**BYTES, "use_regex": False}]}),
    "llama2": tokenizer(
        bpe(["<unk>", "<s>", "</s>", "<0x0A>", "<0xE4>", "▁", "T", "h", "e", "▁T", "▁Th"],
            ["▁ T", "▁T h"], byte_fallback=True, fuse_unk=True, unk_token="<unk>"),
        added_tokens=[added("<s>", 1), added("</s>", 2, rstrip=True)],
        normalizer={"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        post_processor=template("<s>", None),
        decoder={"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}),
    "unigram": tokenizer(
        {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
         "vocab": [["<unk>", 0], ["▁", -2.5], ["▁The", -3.1], ["a", -4], ["x", -4.5]]},
        pre_tokenizer=META, decoder=META, post_processor=template(None, "<unk>")),
    "rules": tokenizer(
        bpe(["a", "b", "ab"], ["a b"], end_of_word_suffix=None, dropout=None),
        added_tokens=[added("12", 0, single_word=True, lstrip=True, normalized=True)],
        normalizer={"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": r"\s+"},
                                    "content": " "}]},
        pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "Punctuation", "behavior": "MergedWithPrevious"}, {"type": "Whitespace"},
            {"type": "WhitespaceSplit"}]},
        post_processor={"type": "RobertaProcessing", "sep": ["b", 1], "cls": ["a", 0],
                        "trim_offsets": True, "add_prefix_space": True}),
    "refused": tokenizer({"type": "WordPiece", "vocab": {"a": 0}}),
}


def template_seeds():
    seeds = {}
    for file in sorted((DATA / "templates" / "whole").glob("*.jinja")):
        if file.stat().st_size < 4000:
            seeds[file.stem] = file.read_bytes()
    cases = (DATA / "templates" / "cases.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    for number, line in enumerate(cases):
        case = json.loads(line)
        if number % 16 == 0 and 0 < len(case.get("template", "")) < 400:
            seeds[f"case-{number}"] = case["template"]
    return seeds


def line(body, url="/v1/completions", **more):
    return {"custom_id": "a", "method": "POST", "url": url, "body": body, **more}


CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}
REQUEST = {
    "text": line({"model": "m", "prompt": "Hi", "max_tokens": 5, "temperature": 0.5, "seed": 1}),
    "ids": line({"prompt": [1, 2, 3], "stop": ["\n", "x"], "stop_token_ids": [2], "logprobs": 3}),
    "chat": line({"messages": [{"role": "user", "content": [{"type": "text", "text": "é"}]}, CALL,
                               {"role": "tool", "tool_call_id": "c", "content": "4"}],
                  "tools": [{"type": "function", "function": {"name": "f"}}],
                  "logprobs": True, "top_logprobs": 2, "chat_template_kwargs": {"x": True}},
                 "/v1/chat/completions"),
    "options": line({"prompt": "x", "n": 2, "best_of": 3, "logit_bias": {"5": -100, "7": 1.5},
                     "allowed_token_ids": [1, 2], "bad_words": ["no"], "min_tokens": 2,
                     "presence_penalty": 0.5, "frequency_penalty": -1, "repetition_penalty": 1.1,
                     "truncate_prompt_tokens": 4, "thinking_token_budget": 9, "echo": True,
                     "include_stop_str_in_output": True, "skip_special_tokens": False}),
    "wrong": line({"prompt": 5, "top_p": 2}, method="GET"),
    "unknown": line({"prompt": "x", "tempreture": 1}),
    "cut": '{"custom_id":"a","method":',
}

CONFIG_WORDS = """hidden_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
vocab_size max_position_embeddings intermediate_size rope_theta rope_scaling rope_parameters
rope_type factor yarn linear dynamic longrope llama3 default long_factor short_factor beta_fast
partial_rotary_factor sliding_window use_sliding_window layer_types full_attention
sliding_attention max_window_layers attention_bias mlp_bias hidden_act silu gelu_pytorch_tanh
tie_word_embeddings torch_dtype bfloat16 model_type text_config quantization_config
num_local_experts num_experts n_routed_experts num_experts_per_tok n_group topk_group scoring_func
sigmoid softmax topk_method norm_topk_prob first_k_dense_replace moe_layer_freq mlp_only_layers
kv_lora_rank q_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim eos_token_id null true false
-1 0 2147483648 9223372036854775807 18446744073709551615 1e308""".split()
JSON_WORDS = ["{", "}", "[", "]", ":", ",", '"', "null", "true", "-0", "1e9", "1e-400",
              "18446744073709551616", "\\u0000", "\\ud83d\\ude00"]
TOKENIZER_WORDS = """BPE Unigram WordPiece ByteLevel Metaspace Split Digits Punctuation Whitespace
WhitespaceSplit Sequence Replace Prepend Lowercase NFC NFD NFKC NFKD Strip StripAccents
ByteFallback Fuse TemplateProcessing BertProcessing RobertaProcessing pattern Regex String behavior
Removed Isolated MergedWithPrevious MergedWithNext Contiguous invert content add_prefix_space
use_regex prepend_scheme always first never replacement individual_digits single pair
special_tokens SpecialToken ids vocab merges unk_id unk_token byte_fallback ignore_merges fuse_unk
continuing_subword_prefix end_of_word_suffix lstrip rstrip single_word normalized special
added_tokens normalizers pretokenizers processors decoders (?i: (?! (?<= \\p{L} (a+)+ {1,3} *+
""".split()
TEMPLATE_WORDS = """{{ }} {% %} {%- -%} {# #} for endfor if elif else endif in not and or is set
endset macro endmacro call endcall filter endfilter raw endraw namespace range loop.index
loop.first loop.last loop.previtem loop.cycle recursive loop( break continue generation
endgeneration raise_exception strftime_now tojson(indent=2) |join |map |selectattr |rejectattr
|groupby |sort |unique |batch |slice |default |replace |trim |indent |wordwrap |format |round
|dictsort |items |first |last |length |list |upper |title |safe |escape |xmlattr |urlencode |sum
.split .strip .startswith .replace .format .items .keys .get .append .pop .update [::-1] [1:] ** //
% ~ == lambda messages tools message.role content true none 9223372036854775807 1e308 cycler joiner
dict( lipsum""".split()
REQUEST_WORDS = sorted({key for seed in REQUEST.values() if isinstance(seed, dict)
                        for key in [*seed, *seed.get("body", {})]}) + """response_format stream
tool_choice best_of user_id role content repetition_detection return_token_ids prompt_logprobs
max_completion_tokens reasoning_effort min_p top_k system developer null -1 1e400 "" [] {}""".split()


def main():
    write("safetensors", SAFETENSORS)
    write("weight_map", WEIGHT_MAP)
    write("manifest", MANIFEST)
    write("json", JSON)
    write("config", config_seeds())
    write("tokenizer", TOKENIZER)
    write("chat_template", template_seeds())
    write("request", REQUEST)
    write("generation_config", GENERATION)
    dictionary("json", JSON_WORDS)
    dictionary("safetensors", ["dtype", "shape", "data_offsets", "__metadata__", "BF16", "F8_E4M3"])
    dictionary("weight_map", ["weight_map", "metadata", "../", "/", ".safetensors"])
    dictionary("manifest", [*MANIFEST_ONE, *MANIFEST_FILE, *MANIFEST_TENSORS[1], "grid", "kernels",
                            "talus-packed-weights", "../", "1125899906842624", "-1", "0" * 16])
    dictionary("config", CONFIG_WORDS)
    dictionary("tokenizer", TOKENIZER_WORDS)
    dictionary("chat_template", TEMPLATE_WORDS)
    dictionary("request", REQUEST_WORDS)
    dictionary("generation_config", ["eos_token_id", "temperature", "top_k", "top_p", "min_p",
                                     "do_sample", "repetition_penalty", "max_length"])


if __name__ == "__main__":
    main()
