"""A provider that plays from memory: no network, no wire; for tests of whatever stands above it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from itertools import chain, repeat

from podium.errors import ProviderError
from podium.providers.provider import Call
from podium.vocabulary.event import Finished, Spoken, TextDelta, UsageSeen
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage

Answer = Sequence[Spoken | ProviderError]
"""What is yielded one by one; an error is raised in its place and ends the answer."""


class Scripted:
    """Plays one answer for each call, in order, and the last one from then on.

    Before each delta it waits `pace` seconds by `sleep`, so that a test can hold it back or let it fly. `asked` holds
    the requests that came, `running` counts the answers that are being played.
    """

    def __init__(
        self,
        *answers: Answer,
        pace: float = 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not answers:
            raise ValueError("Scripted needs at least one answer.")
        self._answers: Iterator[Answer] = chain(answers, repeat(answers[-1]))
        self._pace = pace
        self._sleep = sleep
        self.asked: list[Request] = []
        self.running = 0

    async def stream(self, request: Request, _call: Call, /) -> AsyncGenerator[Spoken, None]:
        """Play the next answer.

        Raises:
            ProviderError: where the script says so.
        """
        self.asked.append(request)
        answer = next(self._answers)
        self.running += 1
        try:
            for spoken in answer:
                await self._sleep(self._pace)
                if isinstance(spoken, ProviderError):
                    raise spoken
                yield spoken
        finally:
            self.running -= 1


def said(text: str, *, usage: Usage | None = None) -> Answer:
    """A whole answer of one text, word by word."""
    words = text.split(" ")
    spaced = [*(f"{word} " for word in words[:-1]), words[-1]]
    counted = usage or Usage(input=1, output=len(words))
    return (*(TextDelta(0, word) for word in spaced), Finished("stop"), UsageSeen(counted))
