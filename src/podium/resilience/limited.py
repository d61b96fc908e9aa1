"""An endpoint is asked no more often than it allows, by its configuration or by its own word."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from podium.catalogue.profile import Profile
from podium.errors import Overloaded
from podium.providers.provider import Call, Provider
from podium.resilience.health import Health
from podium.resilience.pace import Pace
from podium.vocabulary.event import AttemptEnded, AttemptFailed, AttemptStarted, Decided, Spoken
from podium.vocabulary.part import plain_text
from podium.vocabulary.request import Request

_PATIENCE = 5.0  # seconds that a call waits for its place; the next model of a route may be quicker
_SPREAD = 0.25  # of a pause: so that those who wait do not all come back at once
_ANSWER = 500  # tokens, where nobody said how long the answer may be
_CHARACTERS = 4  # in a token, more or less
_ATTEMPTS = frozenset((AttemptStarted, AttemptEnded, AttemptFailed))


class Limited:
    """Waits a moment for a place within the endpoint's rates, or refuses.

    It reads the facts of the attempts that pass: each counts as a request, the tokens that it used take the place of
    those that were expected, and a 429 pauses the model for as long as the host asks, else for longer each time.
    """

    def __init__(
        self,
        inner: Provider,
        health: Health,
        profile: Profile,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._health = health
        self._profile = profile
        self._sleep = sleep

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """The inner stream, when there is a place for it.

        Raises:
            Overloaded: there is none soon; `after` says when.
        """
        pace, model = self._health.pace, self._profile.model
        expected = _expected(request) if pace.counts_tokens else 0
        wait = self._wait(expected, call)
        pace.take(requests=1, tokens=expected)
        began = used = 0
        try:
            if wait:
                reason = (
                    f"{self._profile.endpoint} is asked in {wait:.2f} seconds: it wants no more calls now"
                )
                yield Decided(step="limit", chosen=self._profile.name, reason=reason)
                await self._sleep(wait)
            async with contextlib.aclosing(self._inner.stream(request, call)) as events:
                async for event in events:
                    if type(event) in _ATTEMPTS:
                        began += isinstance(event, AttemptStarted)
                        used += _used(event)
                        _learn(pace, model, event)
                    yield event
        finally:
            # what was expected is given back only for what is known: a stream that was left has used something
            pace.take(requests=began - 1, tokens=used - expected if used or not began else 0)

    def _wait(self, expected: int, call: Call) -> float:
        """Seconds to wait for a place.

        Raises:
            Overloaded: it would take too long.
        """
        paused = self._health.pace.paused(self._profile.model)
        wait = max(paused, self._health.pace.wait(expected))
        if wait > min(_PATIENCE, call.deadline - self._health.now()):
            told = "asked for a pause" if paused == wait else "is asked as often as its limits allow"
            raise Overloaded(
                f"{self._profile.endpoint} {told}; {self._profile.name} has a place in {wait:.0f} seconds.",
                status=429,
                after=wait,
            )
        return wait + self._health.draw(wait * _SPREAD) if paused else wait


def _learn(pace: Pace, model: str, event: Spoken) -> None:
    if isinstance(event, AttemptEnded):
        pace.wake(model)
    elif isinstance(event, AttemptFailed) and event.status == 429:
        if event.after:
            pace.pause(model, event.after)
        else:
            pace.rest(model)


def _used(event: Spoken) -> int:
    if isinstance(event, AttemptEnded | AttemptFailed) and event.usage is not None:
        return event.usage.input_total + event.usage.output_total
    return 0


def _expected(request: Request) -> int:
    """About how many tokens a call will use."""
    characters = sum(len(plain_text(line.parts)) for line in request.lines)
    return characters // _CHARACTERS + (request.sampling.max_output or _ANSWER)
