# SPDX-License-Identifier: Apache-2.0
"""The demo models' tokenizer: byte-level BPE with one token a digit, and a ChatML template."""

import pathlib

import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

import problems

VOCAB_SIZE = 384  # rows of the embedding: the tokenizer's entries and some that stay unused

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
THINK_TOKENS = ("<think>", "</think>")

# Contractions; words with the sign before them; single digits; runs of signs; line ends; spaces.
WORD_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(seed: int) -> transformers.PreTrainedTokenizerFast:
    """Trains the tokenizer on problems of the training split."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(WORD_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    corpus = ["system\nuser\nassistant\n"]
    for problem in problems.sample(seed, "train", 5000):
        thought, answer = problem.completion.removeprefix("<think>").split("</think>")
        corpus += [problem.question, thought, answer]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(SPECIAL_TOKENS) - len(THINK_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.add_tokens([tokenizers.AddedToken(t, normalized=False) for t in THINK_TOKENS])
    template = pathlib.Path(__file__).with_name("chat_template.jinja").read_text(encoding="utf-8")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
        model_max_length=512,
        chat_template=template,
    )
