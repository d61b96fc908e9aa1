"""Every attempt is told: before it leaves, and how it ended."""

import contextlib
from collections.abc import AsyncGenerator

from podium.catalogue.profile import Profile
from podium.errors import Inexpressible, ProviderError
from podium.kit import clock, ids, money
from podium.ledger.tariff import cost
from podium.providers.provider import Call, Provider
from podium.vocabulary.event import (
    AnswerStarted,
    AttemptEnded,
    AttemptFailed,
    AttemptStarted,
    Spoken,
    UsageSeen,
)
from podium.vocabulary.request import Request
from podium.vocabulary.usage import Usage


class Booked:
    """One attempt at one model.

    The reader of this stream makes `AttemptStarted` durable before it asks for more; only then does the first byte
    leave.
    """

    def __init__(self, inner: Provider, profile: Profile) -> None:
        """`profile` prices what `inner` uses."""
        self._inner = inner
        self._profile = profile

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """`AttemptStarted`, the inner stream, then `AttemptEnded` or `AttemptFailed`."""
        attempt = ids.new("att")
        yield AttemptStarted(
            attempt=attempt,
            endpoint=self._profile.endpoint,
            model=self._profile.model,
            at=clock.now(),
        )
        began = clock.monotonic()
        first_byte: float | None = None
        answer = AnswerStarted()
        usage: Usage | None = None
        try:
            async with contextlib.aclosing(self._inner.stream(request, call)) as events:
                async for event in events:
                    if first_byte is None:
                        first_byte = clock.monotonic()
                    if isinstance(event, UsageSeen):
                        usage = event.usage
                    elif isinstance(event, AnswerStarted):
                        answer = event
                    yield event
        except (ProviderError, Inexpressible) as error:
            yield AttemptFailed(
                attempt=attempt,
                code=error.code,
                message=error.message,
                milliseconds=_since(began),
                retryable=isinstance(error, ProviderError) and error.retryable,
                status=error.status if isinstance(error, ProviderError) else None,
                after=error.after if isinstance(error, ProviderError) else None,
                usage=usage,
                usage_source="provider" if usage else "none",
                cost=self._cost(usage),
            )
            raise
        yield AttemptEnded(
            attempt=attempt,
            milliseconds=_since(began),
            first_byte_milliseconds=None if first_byte is None else round((first_byte - began) * 1000),
            usage=usage,
            usage_source="provider" if usage else "none",
            cost=self._cost(usage),
            response_id=answer.id,
            response_model=answer.model,
        )

    def _cost(self, usage: Usage | None) -> str | None:
        if usage is None or self._profile.price is None:
            return None
        return money.dollars(cost(usage, self._profile.price))


def _since(began: float) -> int:
    return round((clock.monotonic() - began) * 1000)
