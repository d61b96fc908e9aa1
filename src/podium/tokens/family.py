"""What is known of models' vocabularies and of what their hosts add, by patterns of their names."""

import math
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Protocol

from podium.tokens.picture import Size
from podium.tokens.vocabulary import VocabularyName

Bounds = tuple[int, int]
"""Likely, and at most."""

_USUAL = 1_600
"""Tokens of a picture of unknown size, where its family's costliest is not less."""


class Pictures(Protocol):
    """How a family counts the tokens of a picture."""

    @property
    def most(self) -> int:
        """The tokens of the costliest picture."""
        ...

    def tokens(self, size: Size | None, detail: str | None) -> Bounds:
        """The tokens of a picture of this size, or of one whose size cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class Tiles:
    """OpenAI's older rule: a base, and as much for every tile of 512 px, fitted into 2048 px and then 768 px.

    Source: https://platform.openai.com/docs/guides/images-vision, "Calculating costs".
    """

    base: int
    tile: int

    @property
    def most(self) -> int:
        """768 by 2048 px: two rows of four tiles."""
        return self.base + 8 * self.tile

    def tokens(self, size: Size | None, detail: str | None) -> Bounds:
        """With `detail` low the base alone."""
        if detail == "low":
            return self.base, self.base
        if size is None:
            return min(max(_USUAL, self.base + self.tile), self.most), self.most
        longest, shortest = max(size.width, size.height), min(size.width, size.height)
        scale = min(1.0, 2048 / longest)
        scale *= min(1.0, 768 / (shortest * scale))
        rows, columns = (max(1, math.ceil(side * scale / 512)) for side in (size.width, size.height))
        tokens = min(self.base + self.tile * rows * columns, self.most)
        return tokens, tokens


@dataclass(frozen=True, slots=True)
class Patches:
    """As many patches of `side` px as cover the picture, at most `patches`, each worth `factor` tokens.

    Sources: OpenAI as above; Claude https://platform.claude.com/docs/en/build-with-claude/vision (28 px, at most 1,568
    patches, for models of high resolution 4,784).
    """

    side: int
    patches: int
    factor: float = 1.0

    @property
    def most(self) -> int:
        """Every patch there may be."""
        return math.ceil(self.patches * self.factor)

    def tokens(self, size: Size | None, detail: str | None) -> Bounds:  # noqa: ARG002 - the rule knows no detail
        """The patches that cover it; a larger picture is scaled down to the most."""
        if size is None:
            return min(_USUAL, self.most), self.most
        covering = math.ceil(size.width / self.side) * math.ceil(size.height / self.side)
        tokens = math.ceil(min(covering, self.patches) * self.factor)
        return tokens, tokens


@dataclass(frozen=True, slots=True)
class Crops:
    """Gemini 2's rule: a small picture is one crop; a larger one may be cut into crops of two thirds of its side.

    Source: https://ai.google.dev/gemini-api/docs/image-understanding, "Token calculation"; pictures are scaled down to
    3072 px. Most recorded pictures were billed as one crop, whatever their size.
    """

    crop: int = 258

    @property
    def most(self) -> int:
        """3072 by 3072 px in crops of 768 px."""
        return 16 * self.crop

    def tokens(self, size: Size | None, detail: str | None) -> Bounds:  # noqa: ARG002 - the rule knows no detail
        """One crop up to 384 px, else as many as cover it."""
        if size is None:
            return self.crop, self.most
        if max(size.width, size.height) <= 384:
            return self.crop, self.crop
        unit = min(max(min(size.width, size.height) / 1.5, 256), 768)
        covering = math.ceil(size.width / unit) * math.ceil(size.height / unit)
        return self.crop, min(max(covering * self.crop, self.crop), self.most)


@dataclass(frozen=True, slots=True)
class Alike:
    """A rule by which every picture costs about the same, or one that nobody knows.

    Source for Gemini 3: https://ai.google.dev/gemini-api/docs/media-resolution (1,120 unless asked otherwise, 2,240 at
    most).
    """

    usual: int
    most: int

    def tokens(self, size: Size | None, detail: str | None) -> Bounds:  # noqa: ARG002 - whatever it is
        """The same for each."""
        return self.usual, self.most


@dataclass(frozen=True, slots=True)
class Family:
    """Models that count alike. Bounds are tokens that the host adds.

    vocabulary    whose tokens they count in, where it is public; None is an estimate
    is_framed     whether the framing of plain lines is known to the token
    scale         tokens for each that o200k_base would make of the same text, likely and at most
    request       to every request
    line          to every line
    call          to every call of a tool and every result of one
    tools         to a request with tools, once
    tool          for each tool, beside its own text
    schema        to a request with a schema for its answer
    document      to a document that is a text
    """

    vocabulary: VocabularyName | None
    pictures: Pictures
    is_framed: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    request: Bounds = (3, 10)
    line: Bounds = (4, 4)
    call: Bounds = (8, 40)
    tools: Bounds = (9, 40)
    tool: Bounds = (2, 30)
    schema: Bounds = (10, 80)
    document: Bounds = (5, 40)


HOSTED: Bounds = (5_000, 25_000)
"""What a host's own tool, such as its search, adds to the prompt. Nobody can bound it from outside."""

SEALED: Bounds = (6, 3)
"""Characters of a host's sealed reasoning that are a token of what it thought, usually and at least."""

_BROAD = Tiles(85, 170)

_GPT_4O = Family("o200k_base", _BROAD, is_framed=True, request=(3, 4))
_REASONING = Family("o200k_base", Tiles(75, 150), is_framed=True, request=(2, 8))
_GPT_5 = replace(_REASONING, pictures=Tiles(70, 140), tools=(90, 140))
_GPT_OSS = replace(_GPT_5, is_framed=False, request=(64, 120), tools=(100, 160))
_CL100K = Family("cl100k_base", _BROAD, is_framed=True, request=(3, 7))

_CLAUDE = Family(
    None,
    Patches(28, 1_568),
    scale=(1.18, 1.6),
    request=(3, 60),
    line=(4, 8),
    call=(25, 110),
    tools=(340, 620),
    tool=(30, 100),
    schema=(150, 700),
    document=(20, 800),
)
_CLAUDE_4_7 = replace(_CLAUDE, pictures=Patches(28, 4_784), scale=(1.42, 1.9), tools=(450, 800))

_GEMINI = Family(
    None,
    Crops(),
    scale=(1.05, 1.3),
    request=(0, 10),
    line=(0, 4),
    call=(4, 60),
    tools=(0, 60),
    tool=(10, 60),
    schema=(0, 60),
)
_GEMINI_3 = replace(_GEMINI, pictures=Alike(1_120, 2_240))

_STRANGER = Family(
    None,
    Alike(1_600, 6_404),
    scale=(1.1, 1.6),
    request=(10, 100),
    line=(5, 10),
    call=(20, 100),
    tools=(200, 500),
    tool=(20, 80),
    schema=(30, 400),
)
"""The careful guess for models that nobody knows: open models' templates tell the date, a role and the tools."""

FAMILIES: tuple[tuple[str, Family], ...] = (
    ("gpt-4o-mini*", replace(_GPT_4O, pictures=Tiles(2_833, 5_667))),
    ("gpt-4o*", _GPT_4O),
    ("chatgpt-4o*", _GPT_4O),
    ("gpt-4.1-mini*", replace(_GPT_4O, pictures=Patches(32, 1_536, 1.62))),
    ("gpt-4.1-nano*", replace(_GPT_4O, pictures=Patches(32, 1_536, 2.46))),
    ("gpt-4.*", _GPT_4O),
    ("gpt-audio*", replace(_GPT_4O, is_framed=False)),
    ("gpt-5-mini*", replace(_GPT_5, pictures=Patches(32, 1_536, 1.62))),
    ("gpt-5-nano*", replace(_GPT_5, pictures=Patches(32, 1_536, 2.46))),
    ("gpt-5.*", replace(_GPT_5, pictures=Patches(32, 10_000, 2.46))),
    ("gpt-5*", _GPT_5),
    ("gpt-oss*", _GPT_OSS),
    ("o1-mini*", replace(_REASONING, is_framed=False, request=(10, 15))),
    ("o4-mini*", replace(_REASONING, pictures=Patches(32, 1_536, 1.72))),
    ("o[134]*", _REASONING),
    ("gpt-4*", _CL100K),
    ("gpt-3.5*", _CL100K),
    ("gpt-35*", _CL100K),
    ("*claude-opus-4[-.][789]*", _CLAUDE_4_7),
    ("*claude-opus-[34]*", _CLAUDE),
    ("*claude-sonnet-[34]*", _CLAUDE),
    ("*claude-haiku-[34]*", _CLAUDE),
    ("*claude-[123]*", _CLAUDE),
    ("*claude*", _CLAUDE_4_7),
    ("gemini-[12]*", _GEMINI),
    ("gemini*", _GEMINI_3),
)
"""The first pattern that fits the last part of a model's name. Sources: docs/tokens.md."""


@lru_cache(maxsize=1_024)
def family_of(model: str) -> Family:
    """The family of a model by the last part of its name; a careful one where nobody knows it."""
    bare = model.rpartition("/")[2].lower()
    return next((family for pattern, family in FAMILIES if fnmatchcase(bare, pattern)), _STRANGER)
