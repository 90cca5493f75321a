# SPDX-License-Identifier: Apache-2.0
"""Writes text.jsonl: one JSON string a line, in many scripts, from tidy sentences to noise.

    python make_text.py        (needs nothing but Python; the same lines each time with the same Python)
"""

import json
import pathlib
import random
import unicodedata

import sentences

HERE = pathlib.Path(__file__).resolve().parent
NUM_LINES = 10_000
MAX_CHARS = 110


def assigned_characters():
    """Characters by large blocks, without the CJK and Hangul masses.

    Only those of Unicode 3.2, the newest set that every Python knows: so every Python writes the same lines.
    """
    category = unicodedata.ucd_3_2_0.category
    blocks = [(0x00A1, 0x0600), (0x0600, 0x1000), (0x1000, 0x2000), (0x2000, 0x3100), (0xA000, 0xA4D0), (0x10300, 0x10430)]
    return [[chr(c) for c in range(*block) if category(chr(c)) not in ("Cn", "Cs", "Co")] for block in blocks]


class Generator:
    """Draws lines of one kind each; the kinds take turns."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.blocks = assigned_characters()
        self.sentences = [text for texts in sentences.SENTENCES.values() for text in texts]
        self.pieces = (sentences.EMOJI + sentences.SPACES + sentences.MARKS + sentences.CONTROLS + sentences.NUMBERS
                       + sentences.MARKERS + sentences.FORMS)  # fmt: skip

    def words(self, low, high):
        return " ".join(self.random.choice(self.random.choice(self.sentences).split()) for _ in range(self.random.randint(low, high)))

    def cut(self):
        text = self.random.choice(self.sentences + sentences.CODE)
        start = self.random.randrange(len(text))
        return text[start : start + self.random.randint(3, 50)]

    def spaced(self):
        spaces = sentences.SPACES
        return "".join(self.words(1, 1) + self.random.choice(spaces) * self.random.choice((1, 1, 1, 2, 5)) for _ in range(5))

    def pieced(self):
        return "".join(self.random.choice(self.pieces) for _ in range(self.random.randint(1, 12)))

    def marked(self):
        chosen = [self.random.choice(sentences.MARKERS) for _ in range(self.random.randint(1, 3))]
        glue = lambda: self.random.choice(["", "", " ", "  ", "\n", self.words(1, 2), " x ", "é"])  # noqa: E731
        return glue() + "".join(marker + glue() for marker in chosen)

    def numbered(self):
        return "".join(self.random.choice(sentences.NUMBERS) + self.random.choice(["", " ", "-", "x", "号"]) for _ in range(5))

    def accented(self):
        letters = self.random.choices("aeiouyAOUncsKkがเकשع한", k=self.random.randint(2, 8))
        return "".join(letter + "".join(self.random.choices(sentences.MARKS, k=self.random.choice((0, 1, 2)))) for letter in letters)

    def run(self):
        return self.random.choice([*"aA1 \n\t.-=_😀中あ€", "\r\n", "ab", "\u0301", "\u00a0", "!?"]) * self.random.randint(2, 40)

    def punctuated(self):
        signs = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»„“”‘’…—–¿¡·•€£¥§©®°±×÷、。「」，！？"
        return "".join(self.random.choice([self.random.choice(signs), self.words(1, 1), " "]) for _ in range(self.random.randint(3, 14)))

    def noise(self):
        block = self.random.choice(self.blocks)
        return "".join(self.random.choice(block + [" ", "a"]) for _ in range(self.random.randint(1, 18)))

    def contraction(self):
        ends = ["'s", "'T", "'re", "'VE", "'m", "'ll", "'D", "’s", "'ſ", "'x", "''s", "'"]
        return "".join(self.words(1, 1) + self.random.choice(ends) + self.random.choice(["", " "]) for _ in range(3))

    def emoji(self):
        return self.random.choice(["", " "]).join([self.random.choice(sentences.EMOJI + [self.words(1, 1)]) for _ in range(5)])

    def fallback(self):
        pieces = ["▁", "▁▁", " ▁", "▁x", "<0x41>", "<0xE4>", "<0x0A>", "\ufffd", "🫠", "龥", " ", "  ", self.words(1, 2), "\n"]
        return "".join(self.random.choice(pieces) for _ in range(self.random.randint(1, 9)))

    def long_lines(self):
        """Prose, code and characters without a blank, far longer than what a short word's method takes."""
        yield " ".join(self.words(4, 12) for _ in range(120))
        yield "\n".join(self.random.choice(sentences.CODE) for _ in range(60))
        yield "".join(self.random.choice(self.sentences).replace(" ", "") for _ in range(80))
        yield "".join(self.random.choice(sentences.EMOJI) for _ in range(300))
        yield self.words(3, 3) + " " * 700 + self.words(3, 3)
        yield from ("ab" * 400, "=" * 900, "\n" * 300, "▁" * 500, "é" * 333)

    def lines(self):
        yield from ["", " ", "\n", "\u0000", "\u0301", "a", "é"]
        yield from self.sentences
        yield from sentences.CODE
        yield from self.pieces
        yield from (" " + text for text in sentences.MARKERS)
        yield from (text + " " for text in sentences.MARKERS)
        kinds = [self.cut, self.spaced, self.pieced, self.marked, self.numbered, self.accented, self.run, self.punctuated,
                 self.noise, self.contraction, self.emoji, lambda: self.words(4, 12), self.cut, self.marked, self.fallback]  # fmt: skip
        yield from self.long_lines()
        while True:
            yield from (kind()[:MAX_CHARS] for kind in kinds)


def main():
    seen = {}
    for line in Generator(seed=20260102).lines():
        seen.setdefault(line)
        if len(seen) == NUM_LINES:
            break
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in seen)
    (HERE / "text.jsonl").write_bytes(text.encode())
    print(len(seen), "lines,", len(text.encode()), "bytes,", sum(map(len, seen)) / len(seen), "characters a line")


if __name__ == "__main__":
    main()
