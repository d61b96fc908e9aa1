"""A call that fails before it has shown anything is made again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from podium.errors import ProviderError, TimedOut
from podium.providers.provider import Call, Provider
from podium.resilience.health import Health
from podium.vocabulary.event import VISIBLE, AttemptEnded, AttemptFailed, AttemptStarted, Decided, Spoken
from podium.vocabulary.request import Request

_FIRST, _LONGEST = 0.25, 20.0  # seconds: the ceiling of the wait before the second attempt, and of any
_MOST_ASKED = 30.0  # seconds that a host may ask us to wait while our client waits as well
_MOST_SILENT = 2  # attempts at a host that is silent: each takes long, and may have to be paid for
_FACTS = frozenset((AttemptStarted, AttemptFailed, Decided))
_SHOWING = frozenset((*VISIBLE, AttemptEnded))


class Retried:
    """Makes up to so many attempts, with full jitter between them (AWS, "Exponential Backoff And Jitter").

    Of an attempt that fails before its first visible delta nothing is shown but its facts: what else it yields is held
    back until then. After that nothing starts over.
    """

    def __init__(
        self,
        inner: Provider,
        health: Health,
        *,
        name: str,
        attempts: int,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`name`: the model's, for the record."""
        self._inner = inner
        self._health = health
        self._name = name
        self._attempts = attempts
        self._sleep = sleep

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """The first attempt that gets as far as to speak, and before it a `Decided` for each that did not.

        Raises:
            ProviderError: the last attempt's.
        """
        attempt = 1
        while True:
            held: list[Spoken] | None = []
            try:
                async with contextlib.aclosing(self._inner.stream(request, call)) as events:
                    async for event in events:
                        if held is None or type(event) in _FACTS:
                            yield event
                            continue
                        held.append(event)
                        if type(event) in _SHOWING:
                            for each in held:
                                yield each
                            held = None
                    for each in held or ():
                        yield each
                return
            except ProviderError as error:
                pause = None if held is None else self._pause(error, attempt, call)
                if pause is None:
                    raise self._final(error, attempt) from None
                failure = error
            attempt += 1
            yield Decided(
                step="retry",
                chosen=self._name,
                reason=f"attempt {attempt} of {self._attempts} in {pause:.2f} seconds: {failure.message}",
            )
            await self._sleep(pause)

    def _pause(self, error: ProviderError, attempt: int, call: Call) -> float | None:
        """Seconds to wait before the next attempt; None if there is to be none."""
        health = self._health
        most = min(self._attempts, _MOST_SILENT) if isinstance(error, TimedOut) else self._attempts
        if attempt >= most or not error.retryable or health.circuit.state != "closed":
            return None
        asked = error.after or 0.0
        pause = asked + health.draw(_ceiling(attempt))
        left = call.deadline - health.now()
        if asked > _MOST_ASKED or pause + health.average_seconds >= left or not health.allowance.spend():
            return None
        return pause

    def _final(self, error: ProviderError, attempt: int) -> ProviderError:
        """The error as its caller gets it: how often was asked, and when to come again."""
        if attempt > 1 and error.hint is None:
            error.hint = f"{attempt} attempts failed. Try again later, or name a route with a second model."
        if error.retryable and error.after is None:
            error.after = _ceiling(attempt)
        return error


def _ceiling(attempt: int) -> float:
    return min(_FIRST * 2.0 ** (attempt - 1), _LONGEST)
