"""The shape of everything that answers."""

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from msgspec import Struct

from podium.identity.payer import Payer
from podium.vocabulary.event import AttemptFailed, Spoken
from podium.vocabulary.request import Request


class Call(Struct, frozen=True):
    """On whose behalf and until when: what a request does not say.

    `turn` is None for calls outside any turn; `deadline` is on the monotonic clock; `trace` is the correlation id;
    `strict` refuses to leave anything unsaid. Without a `payer` nobody is charged: that is for calls which the
    operator makes. `attempt` is told to the host; `buried` is told how an attempt ended whose stream was closed before
    its end.
    """

    turn: str | None
    purpose: str
    deadline: float
    trace: str
    strict: bool = False
    payer: Payer | None = None
    buried: Callable[[AttemptFailed], None] | None = None
    attempt: str | None = None


class Provider(Protocol):
    """Answers a request as a stream.

    The last delta of a good stream is preceded by a `Finished` for every choice; a stream that cannot reach it raises
    `podium.errors.ProviderError`, whatever was yielded before.
    """

    def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Begin to answer. Closing the generator stops the upstream call."""
        ...
