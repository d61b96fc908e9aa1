"""What is done when something is to go wrong: instead of an answer, or at one place of it."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime

from podium.errors import (
    Forbidden,
    InvalidRequest,
    Overloaded,
    PodiumError,
    RefusedError,
    Unauthenticated,
    UnknownModel,
)
from podium.kit import clock
from podium.simulator.pipe import Pipe
from podium.simulator.plan import Fault
from podium.wires.wire import AnswerWriter, Wire

INSTEAD = frozenset({"status", "redirect", "html", "bomb"})
"""Kinds that take the place of an answer; `error` does too where the answer is a document."""
MIDWAY = frozenset({"hang", "reset", "close", "end", "garbage", "bad-json", "error", "huge"})
"""Kinds that happen at one place of an answer."""
BEFORE = frozenset({"hang", "reset", "close", "garbage"})
"""Of these, the kinds that can happen before there is any response."""
THROUGHOUT = frozenset({"gzip", "drip", "json", "sse", "repeat", "odd"})
"""Kinds that change the answer as a whole."""
BENDING = frozenset({"twice", "deep"})
"""Kinds that change one chunk."""

_GARBAGE = b"\x00\xff\xfe\x80garbage\x00" * 16
_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
_ERRORS: Mapping[int, type[PodiumError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: UnknownModel,
    429: RefusedError,
}
_BLANKS = 1 << 20


async def refuse(fault: Fault, pipe: Pipe, wire: Wire) -> None:
    """Answer with an error status, a redirect, a web page, a bomb, or an error under status 200."""
    match fault.kind:
        case "redirect":
            status = fault.status if 300 <= fault.status < 400 else 307
            await pipe.whole(status, {"location": fault.to}, b"")
        case "html":
            await pipe.whole(200, {"content-type": "text/html; charset=utf-8"}, _PAGE)
        case "bomb":
            await pipe.start(200, {"content-type": "application/json", "content-encoding": "gzip"})
            for block in _bomb(fault.size):
                await pipe.write(block)
            await pipe.finish()
        case _:
            headers = {"content-type": "application/json", **_retry_after(fault.retry_after)}
            body = wire.write_error(fault.status, _error_of(fault.status))
            await pipe.whole(200 if fault.kind == "error" else fault.status, headers, body)


async def strike(fault: Fault, pipe: Pipe, writer: AnswerWriter) -> bool:
    """Do it, at its place in the answer; tells whether the answer goes on."""
    if fault.kind == "error":
        await pipe.write(writer.error(fault.status, _error_of(fault.status)))
        await pipe.finish()
        return False
    return await _STRIKES[fault.kind](fault, pipe)


def bent(fault: Fault, data: bytes) -> bytes:
    """A chunk as the fault has it: sent twice, or with a member more that is nested `size` deep."""
    if fault.kind == "twice":
        return data * 2
    nest = b"[" * fault.size + b"]" * fault.size
    return data.replace(b"{", b'{"deep":' + nest + b",", 1)


def odd(data: bytes) -> bytes:
    """Server-sent events as the standard allows them too: other line ends, comments, ids, data in several lines."""
    if b"data: {" not in data:
        return data
    data = data.replace(b"data: {", b"data:{\ndata: ").replace(b"\n", b"\r\n")
    return b": a comment\r\n\r\nid: 1\r\nretry: 5\r\n" + data


async def _hang(fault: Fault, _pipe: Pipe) -> bool:
    await (asyncio.sleep(fault.seconds) if fault.seconds is not None else asyncio.Event().wait())
    return True


async def _reset(_fault: Fault, pipe: Pipe) -> bool:
    pipe.reset()
    return False


async def _close(_fault: Fault, pipe: Pipe) -> bool:
    pipe.close()
    return False


async def _end(_fault: Fault, pipe: Pipe) -> bool:
    await pipe.finish()
    return False


async def _garbage(_fault: Fault, pipe: Pipe) -> bool:
    if not pipe.has_started:
        pipe.blurt(_GARBAGE)
        return False
    await pipe.write(_GARBAGE)
    return True


async def _bad_json(_fault: Fault, pipe: Pipe) -> bool:
    await pipe.write(b'data: {"id": "broken", "choices": [{"delta": \n\n')
    return True


async def _huge(fault: Fault, pipe: Pipe) -> bool:
    await pipe.write(b'data: {"padding": "')
    block = b"x" * min(fault.size, 1 << 16)
    for _ in range(fault.size // len(block)):
        await pipe.write(block)
    await pipe.write(b'"}\n\n')
    return True


_STRIKES: Mapping[str, Callable[[Fault, Pipe], Awaitable[bool]]] = {
    "hang": _hang,
    "reset": _reset,
    "close": _close,
    "end": _end,
    "garbage": _garbage,
    "bad-json": _bad_json,
    "huge": _huge,
}


def _error_of(status: int) -> PodiumError:
    """The error that a host would give with this status."""
    otherwise = InvalidRequest if status < 500 else Overloaded
    return _ERRORS.get(status, otherwise)(f"Simulated failure with status {status}.")


def _retry_after(asked: str | None) -> dict[str, str]:
    """`2` seconds, `1500ms`, `date` (two seconds from now, as HTTP says dates), or any other text as it is."""
    if asked is None:
        return {}
    if asked.endswith("ms"):
        return {"retry-after-ms": asked.removesuffix("ms")}
    if asked == "date":
        now = clock.now()
        then = now + timedelta(seconds=2)
        return {"date": format_datetime(now, usegmt=True), "retry-after": format_datetime(then, usegmt=True)}
    return {"retry-after": asked}


def _bomb(size: int) -> Iterator[bytes]:
    """So many bytes of blanks, compressed a thousandfold: one block of 1 MB, repeated."""
    zipper = zlib.compressobj(wbits=31)
    yield zipper.compress(b"{") + zipper.flush(zlib.Z_FULL_FLUSH)
    block = zipper.compress(b" " * _BLANKS) + zipper.flush(zlib.Z_FULL_FLUSH)
    for _ in range(-(-size // _BLANKS)):
        yield block
