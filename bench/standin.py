"""A model's host that answers at once or at a fixed pace, cheap enough never to be what is measured.

    python -m bench.standin PORT

It speaks OpenAI's chat completions, and by the path Anthropic's and Gemini's streams too. The model's name says the
answer: `words-20` is twenty words at once; `paced-200-50` is two hundred chunks, fifty a second.
"""

import asyncio
import functools
import re
import sys
from typing import cast

import httptools
import uvloop
from typing_extensions import override

from bench import spoken

_MODEL = re.compile(rb'"model"\s*:\s*"(?:lab/)?([a-z0-9-]+)"')
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_OF_GEMINI = re.compile(rb"/models/([a-z0-9-]+):stream")


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

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url = url

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body += data

    def on_message_complete(self) -> None:
        """Called by the parser: answer."""
        body, self._body = self._body, bytearray()
        named = _OF_GEMINI.search(self._url)
        found = named or _MODEL.search(body)
        model = found[1].decode() if found else "words-20"
        wire = "gemini" if named else "anthropic" if b"/messages" in self._url else "openai_chat"
        kind, *numbers = model.split("-")
        if named is None and _STREAM.search(body) is None:
            self._transport.write(spoken.whole(model, int(numbers[0])))
        elif kind == "paced":
            self._transport.write(spoken.opening(wire, model))
            count, rate = map(int, numbers)
            self._say(wire, model, index=0, count=count, rate=rate, began=self._loop.time())
        else:
            self._transport.write(spoken.at_once(wire, model, int(numbers[0])))

    def _say(self, wire: str, model: str, *, index: int, count: int, rate: int, began: float) -> None:
        if index == count:
            self._pace = None
            self._transport.write(spoken.closing(wire, model, count))
            return
        self._transport.write(spoken.chunk(wire, model, spoken.word(index)))
        due = began + (index + 1) / rate
        following = functools.partial(
            self._say, wire, model, index=index + 1, count=count, rate=rate, began=began
        )
        self._pace = self._loop.call_at(due, following)


async def main(port: int) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(Host, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
