"""OpenAI's vocabularies, each loaded by the first text that needs it.

The files are OpenAI's own, byte for byte (`vocabularies/`: a line for each token, in order of rank); the patterns
stand in tiktoken's `openai_public.py`, which would download the files.
"""

import base64
import gzip
import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from threading import Lock
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tiktoken import Encoding

VocabularyName = Literal["o200k_base", "cl100k_base"]

_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PATTERNS: dict[VocabularyName, str] = {
    "o200k_base": "|".join(
        (
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_ENDINGS}",
            rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_ENDINGS}",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        )
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
}

_LONGEST = 100_000
"""Characters that are encoded at a time: a million blanks in a row make the encoder's regular expressions panic."""

_SEARCHED = 20_000
"""Characters before the end of a piece in which a seam is looked for."""

_SEAM = re.compile(r"(?<=[a-z]) (?=[a-z])")
"""Where a text may be cut without changing its tokens: no token of either spans a letter and the blank after it."""

_loading = Lock()


def tokens_of(name: VocabularyName, text: str) -> int:
    """The tokens of a text, special tokens taken as the text that they are; what is no Unicode counts as U+FFFD.

    The first call of a vocabulary loads it, in about 0.4 s and 75 MB: see `is_loaded`.
    """
    vocabulary = _vocabulary(name)
    if len(text) <= _LONGEST:
        return len(vocabulary.encode_ordinary(text))
    return sum(len(vocabulary.encode_ordinary(piece)) for piece in pieces(text))


def is_loaded(name: VocabularyName) -> bool:
    """Whether `tokens_of` would answer at once."""
    return name in _loaded()


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most 100,000 characters, cut at a seam where there is one."""
    start = 0
    while len(text) - start > _LONGEST:
        end = start + _LONGEST
        seam = next(_SEAM.finditer(text, end - _SEARCHED, end), None)
        if seam is not None:
            end = seam.start()
        yield text[start:end]
        start = end
    yield text[start:]


def _vocabulary(name: VocabularyName) -> "Encoding":
    found = _loaded().get(name)
    if found is None:
        with _loading:
            found = _loaded().get(name) or _load(name)
            _loaded()[name] = found
    return found


@cache
def _loaded() -> "dict[VocabularyName, Encoding]":
    return {}


def _load(name: VocabularyName) -> "Encoding":
    from tiktoken import Encoding  # optional: 50 ms that a server without budgets never needs

    packed = resources.files("podium.tokens").joinpath("vocabularies", f"{name}.tiktoken.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines()
    ranks = {base64.b64decode(line.partition(b" ")[0]): rank for rank, line in enumerate(lines)}
    return Encoding(name, pat_str=_PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
