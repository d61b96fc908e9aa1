"""How many tokens a text or a request will use at a model, and the most that money need be held for."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass

from podium.catalogue.profile import Profile
from podium.tokens.declared import declared
from podium.tokens.family import HOSTED, SEALED, Bounds, Family, family_of
from podium.tokens.media import media_ceiling, media_tokens
from podium.tokens.sheet import Sheet, extra_texts, laid_out
from podium.tokens.text import Weight, size_of, weight_of
from podium.tokens.vocabulary import is_loaded
from podium.vocabulary.cost import CountingMethod
from podium.vocabulary.request import Request, Tool

_LONG = 200_000
"""Characters from which on a count is made in a thread."""

_NAME: Bounds = (1, 2)
"""Tokens around a speaker's name: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of tokens. `tokens` is the best estimate, `ceiling` what they will hardly exceed.

    `local_exact` is a count in the model's own vocabulary with the framing that its host is known to add, `real_api`
    the host's own.
    """

    tokens: int
    ceiling: int
    method: CountingMethod


def told(tokens: int) -> Count:
    """A host's own count. What it bills may differ a little: https://platform.claude.com/docs/en/build-with-claude/token-counting."""
    return Count(tokens, tokens + tokens // 50 + 16, "real_api")


async def count_text(text: str, model: str) -> Count:
    """The tokens of a text by itself, without the framing of a request. Never raises, whatever the text."""
    family = family_of(model)
    if _is_quick(family, len(text)):
        return _count_text(text, family)
    return await asyncio.to_thread(_count_text, text, family)


async def count_request(request: Request, profile: Profile) -> Count:
    """The tokens of all that a model would read of a request. Never raises, whatever the request.

    Takes microseconds where the texts were counted before; a vocabulary's first count loads it in a thread.
    """
    family, sheet = family_of(profile.model), laid_out(request)
    size = sum(map(len, sheet.texts)) + sum(len(part.media.value) for part in sheet.media)
    if _is_quick(family, size + sum(len(tool.parameters or ()) for tool in sheet.tools)):
        return _count(sheet, family)
    return await asyncio.to_thread(_count, sheet, family)


def ceiling(request: Request, profile: Profile) -> int:
    """The most tokens that a request can use, by its bytes alone: needs no vocabulary, but is three times too high."""
    family, sheet = family_of(profile.model), laid_out(request)
    size = sum(map(size_of, sheet.texts))
    if not sheet.is_plain:
        size += sum(size_of(text) for tool in sheet.tools for text in _texts(tool))
        size += sum(map(size_of, sheet.schema)) + _added(sheet, family)[1]
        for part in sheet.media:
            size += media_ceiling(part, family)
    return size + family.request[1] + sheet.lines * family.line[1]


def _is_quick(family: Family, characters: int) -> bool:
    return characters < _LONG and (family.vocabulary is None or is_loaded(family.vocabulary))


def _count_text(text: str, family: Family) -> Count:
    weight = weight_of(text, family.vocabulary)
    tokens, most = _scaled(weight, family)
    return Count(tokens, most, "estimate" if family.vocabulary is None else "local_exact")


def _count(sheet: Sheet, family: Family) -> Count:
    said = sum((weight_of(text, family.vocabulary) for text in sheet.texts), Weight())
    tokens, most = _scaled(said, family)
    tokens += family.request[0] + sheet.lines * family.line[0]
    most += family.request[1] + sheet.lines * family.line[1]
    if sheet.is_plain:
        return Count(tokens, most, "local_exact" if family.is_framed else "estimate")
    for likely, at_most in (
        _added(sheet, family),
        _scaled(_given(sheet, family), family),
        *(media_tokens(part, family) for part in sheet.media),
    ):
        tokens, most = tokens + likely, most + at_most
    return Count(tokens, most, "estimate")


def _scaled(weight: Weight, family: Family) -> Bounds:
    """The likely tokens of a text and the most: no token is less than a byte."""
    likely, most = family.scale
    tokens = min(math.ceil(weight.likely * likely), weight.size)
    return tokens, max(tokens, min(math.ceil(weight.careful * most), weight.size))


def _given(sheet: Sheet, family: Family) -> Weight:
    """The weight of the tools and of the answer's schema: at most what they are as JSON."""
    own = [tool for tool in sheet.tools if tool.kind != "hosted"]
    schemas, tools = (
        sum((weight_of(text, family.vocabulary) for text in texts), Weight())
        for texts in (sheet.schema, [text for tool in own for text in _texts(tool)])
    )
    if own and family.vocabulary is not None:
        likely = weight_of(declared(own), family.vocabulary).likely
        tools = Weight(likely, max(likely, tools.careful), max(math.ceil(likely), tools.size))
    return schemas + tools


def _texts(tool: Tool) -> Iterable[str]:
    """A tool as its host is told of it."""
    yield tool.name
    if tool.description:
        yield tool.description
    if tool.parameters is not None:
        yield bytes(tool.parameters).decode(errors="replace")
    yield from extra_texts(tool.extra)


def _added(sheet: Sheet, family: Family) -> Bounds:
    """What hosts add for names, calls, documents, tools and a schema, beside their texts."""
    own = sum(tool.kind != "hosted" for tool in sheet.tools)
    times = (
        (_NAME, sheet.names),
        (family.call, sheet.calls),
        (family.document, sheet.documents),
        (family.tools, min(own, 1)),
        (family.tool, own),
        (family.schema, sheet.schemas),
        (HOSTED, sheet.hosted),
    )
    likely, most = (sum(each[side] * many for each, many in times) for side in (0, 1))
    return likely + sheet.sealed // SEALED[0], most + sheet.sealed // SEALED[1]
