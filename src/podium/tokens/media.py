"""The tokens of pictures, sounds, films and files: likely, and at most.

Hosts look at media by pixels, seconds and pages, not by bytes. What cannot be known from here (what is behind a link,
how long a compressed sound is) is bounded by what hosts publish as the most that they take, or by the lowest bit
rates in use.
"""

import base64
import binascii
import math
import re

from podium.tokens.family import Bounds, Family
from podium.tokens.picture import size_of
from podium.tokens.sheet import Medium
from podium.vocabulary.part import Document, Image, Video

_A_SECOND_OF_SOUND = 32
"""Gemini's, https://ai.google.dev/gemini-api/docs/audio; OpenAI's models count ten."""

_A_SECOND_OF_FILM = 300
"""Gemini's, https://ai.google.dev/gemini-api/docs/video-understanding: 258 a frame, a frame a second, and its sound."""

_PAGE: Bounds = (1_600, 4_600)
"""https://platform.claude.com/docs/en/build-with-claude/pdf-support: up to 3,000 of text, and the page as a picture."""

_SOUND_RATES = (16_000, 1_000)
_FILM_RATES = (125_000, 12_500)
"""Bytes a second of compressed sound and film, usual and least."""

_UNSEEN: Bounds = (1_600, 50_000)
"""What is behind a link or an id, when it is no picture: ten pages, half an hour of sound."""

_PAGE_OBJECT = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
_BYTES_OF_A_PAGE = 40_000
_LEAST_BYTES_OF_A_PAGE = 200
_CROWDED = 20
"""How many times more pages there may be than usual, where they cannot be counted."""

_WINDOW = 1_048_576
"""Tokens of the largest window: no host reads more."""


def media_tokens(part: Medium, family: Family) -> Bounds:
    """The tokens of one of them at a model of this family, likely and at most; reads PDFs whole, else the head."""
    if _is_picture(part):
        size = size_of(part.media.value) if part.media.kind == "inline" else None
        return family.pictures.tokens(size, part.detail if isinstance(part, Image) else None)
    if isinstance(part, Document) and part.media.kind == "inline":
        return _document(part.media.value)
    return _timed(part)


def media_ceiling(part: Medium, family: Family) -> int:
    """The most tokens of one of them, without a look at more than its head."""
    if _is_picture(part):
        return family.pictures.most
    if isinstance(part, Document) and part.media.kind == "inline":
        return min(_most_pages(part.media.value) * _PAGE[1], _WINDOW)
    return _timed(part)[1]


def _is_picture(part: Medium) -> bool:
    return isinstance(part, Image) or (part.media.media_type or "").startswith("image/")


def _timed(part: Medium) -> Bounds:
    """Sound and film by their length; what is not here, as it were of a usual one."""
    value = part.media.value
    if part.media.kind != "inline":
        return _UNSEEN
    if isinstance(part, Video):
        return _seconds(len(value) * 3 // 4, _FILM_RATES, _A_SECOND_OF_FILM)
    return _seconds(len(value) * 3 // 4, _sound_rates(value), _A_SECOND_OF_SOUND)


def _seconds(size: int, rates: Bounds, tokens: int) -> Bounds:
    usual, least = rates
    return math.ceil(size / usual) * tokens, math.ceil(size / least) * tokens


def _sound_rates(value: str) -> Bounds:
    """A WAV says its own rate, at byte 28: http://soundfile.sapp.org/doc/WaveFormat/."""
    try:
        head = base64.b64decode(value[:64])
    except (binascii.Error, ValueError):
        return _SOUND_RATES
    if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt ":
        rate = max(int.from_bytes(head[28:32], "little"), _SOUND_RATES[1])
        return rate, rate
    return _SOUND_RATES


def _document(value: str) -> Bounds:
    """A PDF by its pages, as far as they stand in the open; else by its bytes."""
    try:
        data = base64.b64decode(value)
    except (binascii.Error, ValueError):
        data = b""
    found = len(_PAGE_OBJECT.findall(data))
    likely = found or max(1, len(data) // _BYTES_OF_A_PAGE)
    most = min(found or likely * _CROWDED, _most_pages(value))
    tokens = min(most * _PAGE[1], _WINDOW)
    return min(likely * _PAGE[0], tokens), tokens


def _most_pages(value: str) -> int:
    return 1 + len(value) // _LEAST_BYTES_OF_A_PAGE
