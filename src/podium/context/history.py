"""Which part of a conversation fits, without tearing anything apart."""

from collections.abc import Iterator, Sequence

import msgspec

from podium.vocabulary.part import Audio, Document, Image, Part, ToolCall, ToolResult, Video
from podium.vocabulary.request import Line, Request
from podium.wires.call_id import paired

_BYTES_PER_TOKEN = 3
_TOKENS_PER_LINE = 4
_ANSWER_SHARE = 4
_PICTURE = 1_600
_BYTES_PER_TOKEN_OF_A_FILE = 100
_BASE64_PER_TOKEN = 4
"""Four characters of base64 are three bytes."""

Exchange = list[tuple[ToolCall, ToolResult | None]]

_encoder = msgspec.json.Encoder()


def history_bytes(window: int) -> int:
    """The most bytes of stored messages that can matter to a window of so many tokens; what to read at most."""
    return min(window * _BYTES_PER_TOKEN, 2**31 - 1)


def tokens(line: Line) -> int:
    """A careful estimate: three bytes a token, which over-counts plain text and holds for most scripts.

    Hosts scale pictures down before they look at them, and read sounds and files by their length, not by their bytes:
    media cost the same whether they are small or large, inline or behind a URL.
    """
    media = tuple(_media(line.parts))
    size = len(_encoder.encode(line.parts)) - sum(len(each.media.value) for each in media)
    return size // _BYTES_PER_TOKEN + _TOKENS_PER_LINE + sum(_medium_tokens(each) for each in media)


def _media(parts: Sequence[Part]) -> Iterator[Image | Audio | Video | Document]:
    """The media in these parts and in the results of tools among them."""
    for part in parts:
        if isinstance(part, ToolResult):
            yield from _media(part.parts)
        elif isinstance(part, Image | Audio | Video | Document):
            yield part


def _medium_tokens(part: Image | Audio | Video | Document) -> int:
    """A picture is about 1,600 tokens, a text what it says, all else 1,600 and a hundredth of the base64 there is."""
    media = part.media
    kind = media.media_type or ""
    if isinstance(part, Image) or kind.startswith("image/") or media.kind != "inline":
        return _PICTURE
    if kind.startswith("text/"):
        return len(media.value) // _BASE64_PER_TOKEN
    return _PICTURE + len(media.value) // _BYTES_PER_TOKEN_OF_A_FILE


def request_tokens(request: Request) -> int:
    """A careful estimate of all that a request says: its lines and its tools."""
    tools = len(_encoder.encode(request.tools)) // _BYTES_PER_TOKEN if request.tools else 0
    return sum(tokens(line) for line in request.lines) + tools


def fitting(lines: Sequence[Line], window: int, *, reserved: int) -> tuple[Line, ...]:
    """The newest complete units that fit the window, a quarter of which (or what was asked for) is left to the answer.

    A unit begins where a user speaks, other than to give a tool's result. The newest unit always stays, whatever its
    size: the host is the judge of that. Calls and results that lack each other (see `exchanges`) are left out: hosts
    refuse them, and some give the same ids to calls again and again.
    """
    room = window - max(reserved, window // _ANSWER_SHARE)
    units = [whole for unit in _units(lines) if (whole := _whole(unit))]
    kept: list[tuple[Line, ...]] = []
    for unit in reversed(units):
        room -= sum(tokens(line) for line in unit)
        if kept and room < 0:
            break
        kept.append(unit)
    return tuple(line for unit in reversed(kept) for line in unit)


def exchanges(lines: Sequence[Line]) -> Iterator[Exchange]:
    """The calls of each answer, and the results that came before the model or a user spoke again.

    Results without an id are paired as `call_id.paired` does. A result that is given again takes the place of the one
    before it: the request that this came in was refused, or failed.
    """
    said: list[Part] = []
    for line in lines:
        if line.role == "assistant" or _speaks(line):
            yield _exchange(said)
            said = []
        said.extend(line.parts)
    yield _exchange(said)


def _exchange(said: Sequence[Part]) -> Exchange:
    calls = {part.id or at: part for at, part in enumerate(said) if isinstance(part, ToolCall)}
    results = [part for part in said if isinstance(part, ToolResult)]
    known = {result.call_id: result for result in results if result.call_id in calls}
    unknown = [result for result in results if not result.call_id]
    newest = unknown[max(0, len(unknown) + len(known) - len(calls)) :]
    found = {id(call): result for result, call in paired([*calls.values(), *known.values(), *newest])}
    return [(call, found.get(id(call))) for call in calls.values()]


def _units(lines: Sequence[Line]) -> list[list[Line]]:
    units: list[list[Line]] = []
    for line in lines:
        if not units or _speaks(line):
            units.append([])
        units[-1].append(line)
    return units


def _speaks(line: Line) -> bool:
    return line.role == "user" and not any(isinstance(part, ToolResult) for part in line.parts)


def _whole(unit: Sequence[Line]) -> tuple[Line, ...]:
    """The unit without calls and results that lack each other, each result under the id of its call."""
    kept: dict[int, Part] = {}
    for exchange in exchanges(unit):
        for call, result in exchange:
            if result is not None:
                kept[id(call)] = call
                kept[id(result)] = msgspec.structs.replace(result, call_id=call.id)
    lines = []
    for line in unit:
        parts = tuple(
            kept.get(id(part), part)
            for part in line.parts
            if id(part) in kept or not isinstance(part, ToolCall | ToolResult)
        )
        if parts:
            lines.append(line if parts == line.parts else msgspec.structs.replace(line, parts=parts))
    return tuple(lines)
