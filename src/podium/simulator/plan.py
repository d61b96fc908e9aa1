"""What one call is to be answered with, and what is to go wrong with it."""

from typing import Literal

from msgspec import Struct

Usage = Literal["true", "absent", "null", "negative", "absurd", "float", "text", "cumulative"]
Finish = Literal["once", "twice", "none", "stop", "length", "tool_calls", "content_filter"]
Kind = Literal[
    # instead of the answer
    "status", "redirect", "html", "json", "sse", "bomb",
    # at one place of the answer
    "hang", "reset", "close", "end", "garbage", "bad-json", "error", "huge",
    # all through the answer
    "gzip", "drip", "repeat", "odd",
    # to one of its chunks
    "twice", "deep",
]  # fmt: skip


class Fault(Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One thing that goes wrong.

    `after` is the place: before anything of the response (`request`), right after its headers, or after that many
    visible chunks; with `twice` and `deep` a number is the chunk itself. `at` is a finer place, for breaks of the
    connection: after so many bytes of the body. `times` and `key`: only for the first so many calls that carry this key
    (by default: this fault).
    """

    kind: Kind
    status: int = 500
    after: Literal["request", "headers"] | int = "headers"
    at: int | None = None
    times: int | None = None
    key: str | None = None
    retry_after: str | None = None
    seconds: float | None = None
    size: int = 2_000_000
    bytes: int = 1
    every: float = 0.0
    to: str = "/elsewhere"


class Wanted(Struct, frozen=True):
    """A tool call that the model is to make; without arguments they are made up from the tool's schema."""

    name: str
    arguments: str | None = None


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """How to answer one call. `text` is what stood outside of any rule: by default it is echoed."""

    text: str = ""
    say: str | None = None
    recall: bool = False
    tokens: int | None = None
    reason: str | None = None
    refuse: str | None = None
    calls: tuple[Wanted, ...] = ()
    rate: float = 0.0
    first: float = 0.0
    chunk: int = 1
    cached: int = 0
    usage: Usage = "true"
    finish: Finish = "once"
    fault: Fault | None = None
