"""A model's host that answers at once or at a fixed pace, cheap enough never to be what is measured.

    python -m bench.standin PORT

It speaks OpenAI's chat completions. The model's name says the answer: `words-20` is twenty words at once;
`paced-200-50` is two hundred chunks, fifty a second.
"""

import asyncio
import functools
import json
import re
import sys
from typing import cast

import httptools
import uvloop
from typing_extensions import override

_MODEL = re.compile(rb'"model"\s*:\s*"(?:lab/)?([a-z0-9-]+)"')
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "grey",
    "geese",
    "watch",
)
_ID = "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG"
_CREATED = 1_760_000_000
_SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_END = b"0\r\n\r\n"


def word(index: int) -> str:
    """The text of a chunk."""
    return " " + _WORDS[index % len(_WORDS)]


def words(count: int) -> str:
    """The text of a whole answer."""
    return "".join(word(index) for index in range(count))


def _piece(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(model: str, **members: object) -> bytes:
    chunk = {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
        **members,
    }
    return b"data: %b\n\n" % json.dumps(chunk, separators=(",", ":")).encode()


def _choice(delta: dict[str, str], finish: str | None = None) -> list[dict[str, object]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": 20, "completion_tokens": count, "total_tokens": 20 + count}


@functools.cache
def _opening(model: str) -> bytes:
    role = {"role": "assistant", "content": ""}
    return _SSE_HEAD + _piece(_event(model, choices=_choice(role), usage=None))


@functools.cache
def _chunk(model: str, index: int) -> bytes:
    return _piece(_event(model, choices=_choice({"content": word(index)}), usage=None))


@functools.cache
def _closing(model: str, count: int) -> bytes:
    return (
        _piece(_event(model, choices=_choice({}, "stop"), usage=None))
        + _piece(_event(model, choices=[], usage=_usage(count)))
        + _piece(b"data: [DONE]\n\n")
        + _END
    )


@functools.cache
def _at_once(model: str, count: int) -> bytes:
    """A stream whose text is one chunk."""
    text = _piece(_event(model, choices=_choice({"content": words(count)}), usage=None))
    return _opening(model) + text + _closing(model, count)


@functools.cache
def _whole(model: str, count: int) -> bytes:
    message = {"role": "assistant", "content": words(count), "refusal": None}
    answer = {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _usage(count),
    }
    body = json.dumps(answer, separators=(",", ":")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


class Host(asyncio.Protocol):
    """One connection; one request at a time, as HTTP clients without pipelining send them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._body = bytearray()
        self._pace: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._pace is not None:
            self._pace.cancel()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body += data

    def on_message_complete(self) -> None:
        """Called by the parser: answer."""
        body, self._body = self._body, bytearray()
        found = _MODEL.search(body)
        model = found[1].decode() if found else "words-20"
        kind, *numbers = model.split("-")
        stream = _STREAM.search(body) is not None
        if kind == "paced" and stream:
            self._transport.write(_opening(model))
            self._say(model, 0, numbers=(int(numbers[0]), int(numbers[1])), began=self._loop.time())
        else:
            self._transport.write((_at_once if stream else _whole)(model, int(numbers[0])))

    def _say(self, model: str, index: int, *, numbers: tuple[int, int], began: float) -> None:
        count, rate = numbers
        if index == count:
            self._pace = None
            self._transport.write(_closing(model, count))
            return
        self._transport.write(_chunk(model, index))
        due = began + (index + 1) / rate
        self._pace = self._loop.call_at(
            due, functools.partial(self._say, model, index + 1, numbers=numbers, began=began)
        )


async def main(port: int) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(Host, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
