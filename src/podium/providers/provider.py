"""The shape of everything that answers."""

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct

from podium.vocabulary.event import Spoken
from podium.vocabulary.request import Request


class Call(Struct, frozen=True):
    """On whose behalf and until when: what a request does not say.

    `turn` is None for calls outside any turn; `deadline` is on the monotonic clock; `trace` is the correlation id;
    `strict` refuses to leave anything unsaid.
    """

    turn: str | None
    purpose: str
    deadline: float
    trace: str
    strict: bool = False


class Provider(Protocol):
    """Answers a request as a stream.

    The last delta of a good stream is preceded by a `Finished` for every choice; a stream that cannot reach it raises
    `podium.errors.ProviderError`, whatever was yielded before.
    """

    def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Begin to answer. Closing the generator stops the upstream call."""
        ...
