"""What a text is made of, by script class: the ground of an estimate where no vocabulary is at hand.

A class is what byte-pair vocabularies treat alike. docs/tokens.md tells where the weights are from and what they are
worth.
"""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NUMBER = re.compile(r"[0-9]{1,3}")
_BREAK = re.compile(r"[\x00-\x08\n-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t]{2,}")
_WIDE = re.compile(
    r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)
_PICTORIAL = re.compile(r"[\u2190-\u2bff\ufe00-\ufe0f\U0001f000-\U0001faff]")
_ABROAD = re.compile(r"[^\x00-\x7f]")
_MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SHORT = 4
"""Letters of a word that vocabularies have whole; twice as many where it is a common one."""


@dataclass(frozen=True, slots=True)
class Script:
    """How many of each class; or, as weights, how many tokens one of each is."""

    words: float
    letters_beyond_four: float
    letters_beyond_eight: float
    numbers: float
    marks: float
    breaks: float
    blanks: float
    wide: float
    pictorial: float
    abroad: float

    def tokens(self, weights: "Script") -> float:
        """The tokens of a text so made up, at these weights."""
        return (
            self.words * weights.words
            + self.letters_beyond_four * weights.letters_beyond_four
            + self.letters_beyond_eight * weights.letters_beyond_eight
            + self.numbers * weights.numbers
            + self.marks * weights.marks
            + self.breaks * weights.breaks
            + self.blanks * weights.blanks
            + self.wide * weights.wide
            + self.pictorial * weights.pictorial
            + self.abroad * weights.abroad
        )


def script_of(text: str) -> Script:
    """What the text is made of; takes about 30 ns a character."""
    words = _WORD.findall(text)
    long = [len(word) - _SHORT for word in words if len(word) > _SHORT]
    abroad = wide = pictorial = 0
    if not text.isascii():
        abroad = len(_ABROAD.findall(text))
        wide = len(_WIDE.findall(text))
        pictorial = len(_PICTORIAL.findall(text))
    return Script(
        words=len(words),
        letters_beyond_four=sum(long),
        letters_beyond_eight=sum(many - _SHORT for many in long if many > _SHORT),
        numbers=len(_NUMBER.findall(text)),
        marks=sum(map(text.count, _MARKS)),
        breaks=len(_BREAK.findall(text)),
        blanks=len(_BLANKS.findall(text)),
        wide=wide,
        pictorial=pictorial,
        abroad=abroad - wide - pictorial,
    )


LIKELY = Script(
    words=1.03,
    letters_beyond_four=0.0,
    letters_beyond_eight=0.33,
    numbers=1.39,
    marks=0.45,
    breaks=1.9,
    blanks=2.2,
    wide=0.69,
    pictorial=2.25,
    abroad=0.32,
)
"""Tokens of o200k_base: non-negative least squares over questions, sums, tool calls and prose in many scripts."""

CAREFUL = Script(
    words=1.2,
    letters_beyond_four=0.4,
    letters_beyond_eight=0.1,
    numbers=3.0,
    marks=0.6,
    breaks=2.0,
    blanks=2.2,
    wide=1.75,
    pictorial=5.0,
    abroad=1.15,
)
"""At most: some vocabularies split numbers into digits, and know few words and scripts."""
