# SPDX-License-Identifier: Apache-2.0
"""Byte-level BPE tokenizers, each with the processing chain of a published family and a small vocabulary."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

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
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN_WORDS = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K_WORDS = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SHORT}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SHORT}|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

SEED_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
# Letters with two cases, as a list of ranges; the published one is longer.
CASED = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u0370-\u0373\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u1e00-\u1f15\uff21-\uff3a"


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior=behavior, invert=invert)


def byte_level(use_regex=False, add_prefix_space=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def special(text, **flags):
    return AddedToken(text, special=True, **{"normalized": False} | flags)


def ordinary(text, **flags):
    return AddedToken(text, special=False, **{"normalized": False} | flags)


def gpt2(corpus):
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.pre_tokenizer = byte_level(use_regex=True)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    added = [special("<|endoftext|>", normalized=True)]
    config = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False}
    config |= {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return train(tokenizer, corpus, 1000, added, old_merges=True), config, "gpt2"


def llama3(corpus):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(LLAMA3_WORDS), byte_level()])
    names = ["begin_of_text", "end_of_text", "reserved_special_token_0", "start_header_id", "end_header_id", "eot_id"]
    added = [special(f"<|{name}|>") for name in names]
    config = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
    return train(tokenizer, corpus, 1400, added, bos="<|begin_of_text|>"), config, "llama"


def qwen(corpus):
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(QWEN_WORDS), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    added = [special(text) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    added += [ordinary(text) for text in ("<tool_call>", "</tool_call>", "<think>", "</think>")]
    added += [ordinary("caf\u00e9!", normalized=True)]  # met after NFC, so its decomposed form counts too
    config = {"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": False, "bos_token": None}
    config |= {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None}
    return train(tokenizer, corpus, 1300, added), config, "qwen3"


def deepseek(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([])
    cjk = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split(cjk), split(DEEPSEEK_WORDS), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True)
    first = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
    added = [special(text) for text in first] + [ordinary(text) for text in ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")]
    config = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": False, "legacy": True}
    config |= {"bos_token": first[0], "eos_token": first[1], "pad_token": first[2], "unk_token": None}
    return train(tokenizer, corpus, 1400, added, first=first, old_merges=True), config, "deepseek_v3"


def o200k(corpus):
    tokenizer = Tokenizer(models.BPE(ignore_merges=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(O200K_WORDS, "removed", True), byte_level()])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    added = [special(text) for text in ("<|endoftext|>", "<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>")]
    config = {"bos_token": "<|start|>", "eos_token": "<|return|>", "pad_token": "<|endoftext|>"}
    return train(tokenizer, corpus, 1400, added), config, "gpt_oss"


def tekken(corpus):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(TEKKEN_WORDS), byte_level()])
    first = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<pad>"]
    config = {"tokenizer_class": "LlamaTokenizerFast", "add_prefix_space": False, "legacy": True}
    config |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return train(tokenizer, corpus, 1400, [special(text) for text in first], first=first, bos="<s>"), config, "ministral3"


def seed_oss(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(SEED_WORDS), byte_level()])
    added = [special(text) for text in ("<s>", "</s>", "<pad>", "<|im_end|>")] + [ordinary("<think>"), ordinary("</think>")]
    config = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return train(tokenizer, corpus, 1300, added), config, "seed_oss"


def cl100k(corpus):
    """Phi-4's and OLMo 2's: possessive quantifiers, and a blank more or less after an added token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(CL100K_WORDS, "removed", True), byte_level()])
    added = [special(text, lstrip=True, rstrip=True) for text in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "eos_token": "<|im_end|>"}
    return train(tokenizer, corpus, 1300, added, old_merges=True), config, "olmo2"


def deepseek_v2(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([])
    words = ["[\r\n]", rf"\s?[{CASED}]+", r"\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$"]
    words += ["[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"]
    digits_apart = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*map(split, words), digits_apart, byte_level()])
    first = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"]
    added = [special(text, normalized=True) for text in first] + [ordinary("<think>", normalized=True)]
    config = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": False}
    config |= {"bos_token": first[0], "eos_token": first[1], "pad_token": first[1]}
    return train(tokenizer, corpus, 1300, added, bos=first[0]), config, "deepseek_v2"


def digits(corpus):
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
    return train(tokenizer, corpus, 1100, added, old_merges=True), config, None


def normalised(corpus):
    tokenizer = Tokenizer(models.BPE())
    steps = [normalizers.NFKC(), normalizers.Replace("\u00a7", "<pad>"), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split(CLIP_WORDS, "removed", invert=True), byte_level()])
    added = [special("<|endoftext|>"), ordinary("<UPPER>", normalized=True), special("<pad>", normalized=True)]
    config = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
    return train(tokenizer, corpus, 1100, added), config, None


KINDS = [gpt2, llama3, qwen, deepseek, deepseek_v2, o200k, tekken, cl100k, seed_oss, digits, normalised]


def with_unmerged_words(tokenizer):
    """Adds whole words that no merge builds: only `ignore_merges` finds them."""
    content = json.loads(tokenizer.to_str())
    vocab = content["model"]["vocab"]
    for word in ("Ġqueue", "Ġsuperordinate", "batch", "ĠÐ³Ð¾Ð´Ñĥ", "Batch", "sleep", "12", "ä½łå¥½"):
        vocab.setdefault(word, len(vocab))
    return Tokenizer.from_str(json.dumps(content))


def add_bos(tokenizer, bos):
    template = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    parts = [processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True), template]
    tokenizer.post_processor = processors.Sequence(parts)


def train(tokenizer, corpus, vocab_size, added, first=(), bos=None, old_merges=False):
    """The content of tokenizer.json. Old files spell a merge as one string with a blank, newer ones as a pair."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=sorted(alphabet), special_tokens=list(first), show_progress=False
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer = with_unmerged_words(tokenizer)
    for token in added:
        tokenizer.add_tokens([token])
    if bos:
        add_bos(tokenizer, bos)
    content = json.loads(tokenizer.to_str())
    if old_merges:
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    return content
