"""Which part of a conversation fits, without tearing anything apart."""

from collections.abc import Sequence

import msgspec

from podium.vocabulary.part import ToolCall, ToolResult
from podium.vocabulary.request import Line, Request

_BYTES_PER_TOKEN = 3
_TOKENS_PER_LINE = 4
_ANSWER_SHARE = 4

_encoder = msgspec.json.Encoder()


def history_bytes(window: int) -> int:
    """The most bytes of stored messages that can matter to a window of so many tokens; what to read at most."""
    return min(window * _BYTES_PER_TOKEN, 2**31 - 1)


def tokens(line: Line) -> int:
    """A careful estimate: three bytes a token, which over-counts plain text and holds for most scripts."""
    return len(_encoder.encode(line.parts)) // _BYTES_PER_TOKEN + _TOKENS_PER_LINE


def request_tokens(request: Request) -> int:
    """A careful estimate of all that a request says: its lines and its tools."""
    tools = len(_encoder.encode(request.tools)) // _BYTES_PER_TOKEN if request.tools else 0
    return sum(tokens(line) for line in request.lines) + tools


def fitting(lines: Sequence[Line], window: int, *, reserved: int) -> tuple[Line, ...]:
    """The newest complete units that fit the window, a quarter of which (or what was asked for) is left to the answer.

    A unit begins at a user's line. The newest unit always stays, whatever its size: the host is the judge of that.
    Tool calls without results, and results without calls, are left out: hosts refuse them.
    """
    room = window - max(reserved, window // _ANSWER_SHARE)
    units = _units(_paired(lines))
    kept: list[tuple[Line, ...]] = []
    for unit in reversed(units):
        room -= sum(tokens(line) for line in unit)
        if kept and room < 0:
            break
        kept.append(unit)
    return tuple(line for unit in reversed(kept) for line in unit)


def _units(lines: Sequence[Line]) -> list[tuple[Line, ...]]:
    units: list[list[Line]] = []
    for line in lines:
        if not units or line.role == "user":
            units.append([])
        units[-1].append(line)
    return [tuple(unit) for unit in units]


def _paired(lines: Sequence[Line]) -> list[Line]:
    answered = {part.call_id for line in lines for part in line.parts if isinstance(part, ToolResult)}
    called: set[str] = set()
    kept = []
    for line in lines:
        parts = tuple(
            part
            for part in line.parts
            if not (isinstance(part, ToolCall) and part.id not in answered)
            and not (isinstance(part, ToolResult) and part.call_id not in called)
        )
        called.update(part.id for part in parts if isinstance(part, ToolCall))
        if parts:
            kept.append(line if len(parts) == len(line.parts) else msgspec.structs.replace(line, parts=parts))
    return kept
