"""An endpoint that is down is not asked; and how its calls go is written down."""

import contextlib
from collections.abc import AsyncGenerator

from podium.errors import Overloaded, ProviderError, Unreachable
from podium.providers.provider import Call, Provider
from podium.resilience.circuit import Entry
from podium.resilience.health import Health
from podium.vocabulary.event import VISIBLE, AttemptStarted, Spoken
from podium.vocabulary.request import Request

_WATCHED = frozenset((AttemptStarted, *VISIBLE))


class Breaker:
    """Lets calls through as long as the endpoint's circuit does, and tells its health how they went."""

    def __init__(self, inner: Provider, health: Health, *, name: str) -> None:
        """`name`: the endpoint's."""
        self._inner = inner
        self._health = health
        self._name = name

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """The inner stream.

        Raises:
            Overloaded: the endpoint is not asked at present; `after` says when it will be.
            ProviderError: as the inner stream does.
        """
        health = self._health
        entry = health.circuit.enter()
        if entry == "refused":
            raise self._refusal()
        asked: float | None = health.now()
        failure: ProviderError | None = None
        whole = False
        try:
            async with contextlib.aclosing(self._inner.stream(request, call)) as events:
                async for event in events:
                    if asked is not None and type(event) in _WATCHED:
                        if type(event) is AttemptStarted:
                            yield event
                            asked = health.now()
                            continue
                        asked, entry = self._begun(entry, health.now() - asked)
                    yield event
            whole = True
        except ProviderError as error:
            failure = error
            raise
        finally:
            if whole:
                health.succeed(entry)
            elif failure is None or self._is_ours(failure, call):
                health.leave(entry)
            else:
                health.fail(entry, failure)

    def _begun(self, entry: Entry, seconds: float) -> tuple[None, Entry]:
        """The answer begins: a probe has shown enough, and need not end for others to pass."""
        self._health.hear(seconds)
        if entry == "probe":
            self._health.circuit.succeed(entry)
        return None, "pass"

    def _is_ours(self, failure: ProviderError, call: Call) -> bool:
        """Whether nothing was asked because the caller's own time was up."""
        return isinstance(failure, Unreachable) and self._health.now() >= call.deadline

    def _refusal(self) -> Overloaded:
        circuit = self._health.circuit
        return Overloaded(
            f"{self._name} is not asked at present: its last calls failed"
            f" ({self._health.report().last_error or 'it did not answer'}).",
            after=circuit.left,
            hint="It is asked again as soon as it may have recovered.",
        )
