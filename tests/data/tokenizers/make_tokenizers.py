# SPDX-License-Identifier: Apache-2.0
"""Trains the small byte-level BPE tokenizers of this folder and writes what Hugging Face tokenizers makes of text.jsonl.

    python make_text.py && python make_tokenizers.py        (needs tokenizers)

Each tokenizer has the processing chain of a published family and a small vocabulary. README.md says what the files hold.
"""

import inspect
import importlib
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).resolve().parent
NUM_DECODE_LINES = 200

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_WORDS = LLAMA3_WORDS.replace(r"\p{N}{1,3}", r"\p{N}")
# The published file has line ends themselves where the other families have escapes.
DEEPSEEK_WORDS = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
).replace(r"\r\n", "\r\n")
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior=behavior, invert=invert)


def byte_level(use_regex=False, add_prefix_space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def special(text, **flags):
    return AddedToken(text, special=True, **{"normalized": False} | flags)


def ordinary(text, **flags):
    return AddedToken(text, special=False, **{"normalized": False} | flags)


def gpt2():
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.pre_tokenizer = byte_level(use_regex=True)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    added = [special("<|endoftext|>", normalized=True)]
    config = {"add_prefix_space": False, "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return tokenizer, 1000, [], added, config


def llama3():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(LLAMA3_WORDS), byte_level()])
    names = ["begin_of_text", "end_of_text", "reserved_special_token_0", "start_header_id", "end_header_id", "eot_id"]
    added = [special(f"<|{name}|>") for name in names]
    config = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    return tokenizer, 1400, [], added, config


def qwen():
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(QWEN_WORDS), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    added = [special(text) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    added += [ordinary(text) for text in ("<tool_call>", "</tool_call>", "<think>", "</think>")]
    added += [ordinary("caf\u00e9!", normalized=True)]  # met after NFC, so its decomposed form counts too
    config = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return tokenizer, 1300, [], added, config


def deepseek():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([])
    cjk = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split(cjk), split(DEEPSEEK_WORDS), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True)
    first = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
    added = [special(text) for text in first] + [ordinary(text) for text in ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")]
    config = {"bos_token": first[0], "eos_token": first[1], "pad_token": first[2]}
    return tokenizer, 1400, first, added, config


def digits():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True, add_prefix_space=True)]
    )
    added = [
        special("<mask>", lstrip=True),
        special("<pad>", rstrip=True),
        special("<sep>", lstrip=True, rstrip=True),
        ordinary("<sep>sep"),
        ordinary("solo", single_word=True, normalized=True),
        special("<s>", single_word=True),
        ordinary("tab\tok", rstrip=True),
        special("</s>"),
        ordinary("<think>", lstrip=True, normalized=True),
    ]
    config = {"add_prefix_space": True, "bos_token": "<s>", "eos_token": "</s>"}
    return tokenizer, 1100, [], added, config


def normalised():
    tokenizer = Tokenizer(models.BPE())
    steps = [normalizers.NFKC(), normalizers.Replace("\u00a7", "<pad>"), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(CLIP_WORDS, "removed", invert=True), byte_level()])
    added = [special("<|endoftext|>"), ordinary("<UPPER>", normalized=True), special("<pad>", normalized=True)]
    config = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return tokenizer, 1100, [], added, config


MAKERS = [gpt2, llama3, qwen, deepseek, digits, normalised]


def corpus(lines):
    """The test's own lines and the documentation inside Python's standard library."""
    names = ["argparse", "asyncio", "collections", "datetime", "decimal", "email", "json", "logging", "pathlib", "statistics", "typing"]
    for name in names:
        module = importlib.import_module(name)
        members = [module] + [member for _, member in sorted(inspect.getmembers(module, inspect.isclass), key=lambda pair: pair[0])]
        yield from (inspect.getdoc(member) or "" for member in members)
    for _ in range(3):
        yield from lines


def add_bos(tokenizer):
    bos = "<|begin_of_text|>"
    template = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    parts = [processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True), template]
    tokenizer.post_processor = processors.Sequence(parts)


def with_unmerged_words(tokenizer):
    """Adds whole words that no merge builds: only `ignore_merges` finds them."""
    content = json.loads(tokenizer.to_str())
    vocab = content["model"]["vocab"]
    for word in ("Ġqueue", "Ġsuperordinate", "batch", "ĠÐ³Ð¾Ð´Ñĥ", "Batch", "sleep", "12", "ä½łå¥½"):
        vocab.setdefault(word, len(vocab))
    return Tokenizer.from_str(json.dumps(content))


def train(maker, lines):
    tokenizer, vocab_size, first, added, config = maker()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=first, show_progress=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(lines), trainer)
    tokenizer = with_unmerged_words(tokenizer)
    for token in added:
        tokenizer.add_tokens([token])
    if maker is llama3:
        add_bos(tokenizer)
    return tokenizer, config


def save(tokenizer, config, directory):
    """Old files spell a merge as one string with a blank, newer ones as a pair: keep both spellings."""
    content = json.loads(tokenizer.to_str())
    if directory.name in ("gpt2", "deepseek", "digits"):
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    directory.mkdir(exist_ok=True)
    (directory / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 4096, "clean_up_tokenization_spaces": False}
    config["added_tokens_decoder"] = {
        str(token["id"]): {key: value for key, value in token.items() if key != "id"} for token in content["added_tokens"]
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")
    return Tokenizer.from_file(str(directory / "tokenizer.json"))


def expect(tokenizer, line):
    ids = tokenizer.encode(line, add_special_tokens=True).ids
    plain = tokenizer.encode(line, add_special_tokens=False).ids
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    skipped = tokenizer.decode(ids, skip_special_tokens=True)
    return {
        "ids": ids,
        "ids_no_special": None if plain == ids else plain,
        "decoded": None if decoded == line else decoded,
        "decoded_skip": None if skipped == decoded else skipped,
    }


def decode_cases(tokenizer):
    """Random ids: halves of characters and bytes that are no text at all."""
    generator = random.Random(7)
    size = tokenizer.get_vocab_size()
    for count in range(NUM_DECODE_LINES):
        limit = 256 if count % 2 else size
        ids = [generator.randrange(limit) if generator.random() < 0.9 else size - 1 for _ in range(generator.randint(1, 16))]
        yield {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
               "decoded_skip": tokenizer.decode(ids, skip_special_tokens=True)}  # fmt: skip


def write_lines(path, rows):
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    path.write_bytes(text.encode())


def main():
    lines = [json.loads(line) for line in (HERE / "text.jsonl").read_bytes().decode().split("\n") if line]
    for maker in MAKERS:
        directory = HERE / maker.__name__
        tokenizer = save(*train(maker, lines), directory)
        rows = [expect(tokenizer, line) for line in lines]
        write_lines(directory / "expected.jsonl", rows)
        write_lines(directory / "decode.jsonl", decode_cases(tokenizer))
        changed = sum(row["decoded"] is not None for row in rows)
        print(maker.__name__, tokenizer.get_vocab_size(), "tokens;", changed, "lines not restored;",
              sum(file.stat().st_size for file in directory.iterdir()), "bytes")  # fmt: skip


if __name__ == "__main__":
    main()
