"""What a client has heard, in one form for documents and streams, and how two JSON values differ."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.outside.exchange import Json


@dataclass
class Heard:
    """What an official SDK makes of bytes.

    `whole` is the answer put together, `error` the class and words of what the SDK raised, `ended` whether the answer
    has said that it is over.
    """

    whole: Json = field(default_factory=dict)
    error: tuple[str, str] | None = None
    ended: bool = False


class Canned:
    """A transport that answers whatever is asked with the same bytes."""

    def __init__(self) -> None:
        self.answer = httpx2.Response(500)
        self.http = httpx2.Client(transport=httpx2.MockTransport(lambda _request: self.answer))

    def put(self, status: int, body: bytes, *, stream: bool) -> None:
        kind = "text/event-stream" if stream else "application/json"
        self.answer = httpx2.Response(status, content=body, headers={"content-type": kind})


def frames(body: bytes) -> list[Json]:
    """The JSON of a stream's `data:` lines."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    said = [line.removeprefix("data:").strip() for line in lines if line.startswith("data:")]
    return [json.loads(each) for each in said if each[:1] in ("{", "[")]


def without_nothing(value: Any, *, padding: tuple[str, ...] = ()) -> Any:
    """JSON without null members, and without what a host adds to hide lengths."""
    if isinstance(value, dict):
        return {
            name: without_nothing(each, padding=padding)
            for name, each in value.items()
            if each is not None and name not in padding
        }
    return [without_nothing(each, padding=padding) for each in value] if isinstance(value, list) else value


def difference(expected: Any, got: Any, path: str = "") -> str:
    """Where two JSON values differ first, in words; empty where they do not."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in {**expected, **got}:
            if name not in got:
                return f"{path}.{name} is missing; it was {short(expected[name])}"
            if name not in expected:
                return f"{path}.{name} is new: {short(got[name])}"
            if found := difference(expected[name], got[name], f"{path}.{name}"):
                return found
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return next((found for at, (a, b) in pairs if (found := difference(a, b, f"{path}[{at}]"))), "")
    same = expected == got and isinstance(expected, bool) == isinstance(got, bool)
    return "" if same else f"{path} is {short(got)}; it was {short(expected)}"


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 160 else text[:130] + "…" + text[-25:]


Merge = Callable[[list[Json]], Json]
