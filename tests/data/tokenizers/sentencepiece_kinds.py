# SPDX-License-Identifier: Apache-2.0
"""Tokenizers in the shape of those that were converted from SentencePiece: BPE with byte fallback, and Unigram."""

import base64
import json
import pathlib
import tempfile

import sentencepiece
from byte_level_kinds import ordinary, special
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TO_BLANKS = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
FROM_BLANKS = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])

# What a small charsmap replaces: compatibility forms, blanks, marks, sequences of characters, and what goes away.
CHARSMAP = {
    "\u00a0": " ", "\u2003": " ", "\u3000": " ", "\t": " ", "\n": " ", "\r": " ", "\u200b": "", "\ufeff": "", "\u00ad": "",
    "\ufb01": "fi", "\ufb03": "ffi", "\u2460": "1", "\u33ff": "gal", "\u00bd": "1\u20442", "\uff21": "A", "\uff11": "1",
    "\u2126": "\u03a9", "\u212b": "\u00c5", "e\u0301": "\u00e9", "E\u0301": "\u00c9", "a\u0308": "\u00e4", "o\u0302\u0301": "\u1ed1",
    "\u304b\u3099": "\u304c", "\uff76\uff9e": "\u30ac", "\u0001": "", "\u001f": "", "\u007f": "", "\u2026": "...", "\u2122": "TM",
    "\uac00\u11a8": "\uac01", "\U0001d7dc": "4", "\u0958": "\u0915\u093c", "q\u0307\u0323": "q\u0323\u0307", "\u00b2": "2",
}  # fmt: skip


def bpe(corpus, training, special_tokens, vocab_size=1500, alphabet=400, **steps):
    """The content of tokenizer.json of a BPE whose characters are `alphabet` of the commonest and bytes for the others."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer, tokenizer.pre_tokenizer = training
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=special_tokens + BYTES, limit_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return finish(tokenizer, special_tokens, **steps)


def unigram(corpus, training, special_tokens, vocab_size=1500, byte_fallback=False, **steps):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer, tokenizer.pre_tokenizer = training
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=special_tokens, unk_token="<unk>", show_progress=False
    )
    # The trainer takes every character in, so only lines of a few scripts are shown to it.
    tokenizer.train_from_iterator([line for line in corpus if max(line, default=" ") < "\u0500"], trainer)
    content = json.loads(tokenizer.to_str())
    if byte_fallback:
        vocab = content["model"]["vocab"]
        place = len(special_tokens)
        # A double, and a run of unknown characters that is a token all the same.
        kept = vocab[place:]
        content["model"]["vocab"] = vocab[:place] + [[byte, 0.0] for byte in BYTES] + kept + [["龥龦", -99.0], kept[5]]
        content["model"]["byte_fallback"] = True
    return finish(Tokenizer.from_str(json.dumps(content)), special_tokens, **steps)


def finish(tokenizer, special_tokens, added=(), normalizer=None, pre_tokenizer=None, decoder=None, bos=None, eos=None):
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    for token in added:
        tokenizer.add_tokens([token])
    if bos or eos:
        parts = ([bos] if bos else []) + ["$A"] + ([eos] if eos else [])
        ids = [(token, tokenizer.token_to_id(token)) for token in (bos, eos) if token]
        tokenizer.post_processor = processors.TemplateProcessing(single=parts, pair=parts + ["$B"], special_tokens=ids)
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] not in BYTES]
    return content


def llama2(corpus):
    training = (None, pre_tokenizers.Metaspace(prepend_scheme="always"))
    decoder = decoders.Sequence([*TO_BLANKS, decoders.Strip(" ", 1, 0)])
    content = bpe(corpus, training, ["<unk>", "<s>", "</s>"], normalizer=FROM_BLANKS, decoder=decoder, bos="<s>")
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "legacy": False}
    config |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": None}
    return content, config, "llama"


def phi3(corpus):
    """Taken as it is, though it names the same class: blanks by the normalizer, added tokens that swallow blanks."""
    training = (None, pre_tokenizers.Metaspace(prepend_scheme="always"))
    decoder = decoders.Sequence([*TO_BLANKS, decoders.Strip(" ", 1, 0)])
    added = [special(text, rstrip=True) for text in ("<|endoftext|>", "<|user|>", "<|end|>", "<|start|>")]
    added += [ordinary("solo", single_word=True, normalized=True), ordinary("</s>", rstrip=True)]
    content = bpe(corpus, training, ["<unk>", "<s>"], 1300, 300, added=added, normalizer=FROM_BLANKS, decoder=decoder)
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": False, "add_eos_token": False, "legacy": False}
    config |= {"bos_token": "<s>", "eos_token": "<|endoftext|>", "unk_token": "<unk>", "pad_token": "<|endoftext|>"}
    return content, config, "phi3"


def mistral(corpus):
    """Trained on whole lines, so that merges go over blanks."""
    training = (None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))
    decoder = decoders.Sequence([*TO_BLANKS, decoders.Strip(" ", 1, 0)])
    added = [special("[INST]"), special("[/INST]"), special("<mask>", lstrip=True), ordinary("caf\u00e9!", normalized=True)]
    steps = {"pre_tokenizer": training[1], "decoder": decoder, "bos": "<s>"}
    content = bpe(corpus, training, ["<unk>", "<s>", "</s>"], 2200, 400, added=added, **steps)
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_prefix_space": None, "legacy": False}
    config |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return content, config, "mistral"


def gemma(corpus):
    normalizer = normalizers.Replace(" ", "▁")
    training = (normalizer, pre_tokenizers.Split(Regex("▁+[^▁]*"), "isolated"))
    steps = {"normalizer": normalizer, "pre_tokenizer": pre_tokenizers.Split(" ", "merged_with_previous")}
    added = [special("<mask>"), special("<start_of_turn>"), special("<end_of_turn>"), ordinary("\n\n"), ordinary("▁▁")]
    first = ["<pad>", "<eos>", "<bos>", "<unk>"]
    content = bpe(corpus, training, first, added=added, decoder=decoders.Sequence(TO_BLANKS), bos="<bos>", **steps)
    config = {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "add_eos_token": False}
    config |= {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return content, config, "gemma2"


def unknown(corpus):
    """No byte fallback, and each unknown character a token of its own; two blanks at the beginning go away."""
    training = (None, pre_tokenizers.Metaspace(prepend_scheme="never", split=True))
    decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 2, 0)])
    added = [special("<sep>", lstrip=True, rstrip=True), ordinary("<sep>sep"), special("<|im_end|>", single_word=True)]
    normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Nmt()])
    steps = {"normalizer": normalizer, "pre_tokenizer": training[1], "decoder": decoder, "eos": "</s>"}
    content = bpe(corpus, training, ["<unk>", "</s>"], 900, 150, added=added, **steps)
    content["model"] |= {"fuse_unk": False, "byte_fallback": False}
    return content, {"eos_token": "</s>", "unk_token": "<unk>", "extra_special_tokens": ["<extra_id_0>"]}, None


def charsmap():
    """SentencePiece's own compiled form of the table above."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        rows = [" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) for a, b in CHARSMAP.items()]
        (path / "rules.tsv").write_text("\n".join(rows) + "\n")
        (path / "text").write_text("a few words to train on\n" * 9)
        sentencepiece.SentencePieceTrainer.train(
            input=str(path / "text"), model_prefix=str(path / "m"), vocab_size=20, hard_vocab_limit=False,
            normalization_rule_tsv=str(path / "rules.tsv"), minloglevel=2,
        )  # fmt: skip
        normalizer_spec = protobuf_field((path / "m.model").read_bytes(), 3)
    return base64.b64encode(protobuf_field(normalizer_spec, 2)).decode()


def protobuf_field(message, wanted):
    """The bytes of a field, of a message without 32-bit and 64-bit fields before it."""
    position = 0

    def varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while True:
        field, kind = divmod(varint(), 8)
        size = varint()
        if kind == 2:
            position += size
            if field == wanted:
                return message[position - size : position]


def precompiled():
    return normalizers.Precompiled(base64.b64decode(charsmap()))


def t5(corpus):
    blanks = normalizers.Replace(Regex(" {2,}"), "▁")
    normalizer = normalizers.Sequence([precompiled(), normalizers.Strip(left=False, right=True), blanks])
    pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    steps = {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "eos": "</s>"}
    decoder = decoders.Metaspace(prepend_scheme="always")
    added = [special("<extra_id_0>", rstrip=True), ordinary("<mask>", lstrip=True, normalized=True)]
    first = ["<pad>", "</s>", "<unk>"]
    content = unigram(corpus, (normalizer, pre_tokenizer), first, added=added, decoder=decoder, **steps)
    return content, {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}, None


def xlm(corpus):
    """Words at blanks first; the text between two special tokens."""
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    normalizer = precompiled()
    decoder = decoders.Metaspace(prepend_scheme="always")
    steps = {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "decoder": decoder}
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    added = [special("<mask>", lstrip=True)]
    content = unigram(corpus, (normalizer, pre_tokenizer), first, 1200, added=added, **steps)
    content["post_processor"] = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0]}
    content["post_processor"] |= {"trim_offsets": True, "add_prefix_space": False}
    return content, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}, None


def unigram_bytes(corpus):
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    decoder = decoders.Sequence([*TO_BLANKS, decoders.Strip(" ", 1, 0)])
    steps = {"pre_tokenizer": metaspace, "decoder": decoder, "bos": "<s>", "byte_fallback": True}
    training = (None, pre_tokenizers.Metaspace(prepend_scheme="always"))
    content = unigram(corpus, training, ["<unk>", "<s>", "</s>"], **steps)
    return content, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, None


KINDS = [llama2, phi3, mistral, gemma, unknown, t5, xlm, unigram_bytes]
