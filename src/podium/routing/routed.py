"""The next candidate answers when one fails before it has spoken."""

import contextlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from podium.errors import Exhausted, Inexpressible, ProviderError, Rejected, ended
from podium.providers.provider import Call, Provider
from podium.vocabulary.event import VISIBLE, AttemptStarted, Decided, Spoken
from podium.vocabulary.request import Request

_SOON = 1.0  # seconds, where no host said when to come again


@dataclass(frozen=True, slots=True)
class _Failed:
    name: str
    attempts: int
    error: ProviderError | Inexpressible


class Routed:
    """Tries candidates in order. After the first visible delta nothing starts over, so a later failure is final.

    A host that refuses the request itself (a 4xx) is final too, unless the refusal is about this host: its key, or a
    model that it does not have.
    """

    def __init__(self, candidates: Sequence[tuple[str, Provider]]) -> None:
        """`candidates`: the name of each for the record, and who answers for it."""
        self._candidates = candidates

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        """The first candidate's stream that gets as far as to speak.

        Raises:
            Exhausted: every candidate failed, and none because of the request.
            ProviderError: a failure that is final.
            Inexpressible: no candidate's wire can say the request.
        """
        failed: list[_Failed] = []
        for place, (name, provider) in enumerate(self._candidates, start=1):
            spoken = False
            attempts = 0
            try:
                async with contextlib.aclosing(provider.stream(request, call)) as events:
                    async for event in events:
                        if not spoken:
                            spoken = isinstance(event, VISIBLE)
                            attempts += isinstance(event, AttemptStarted)
                        yield event
                return
            except (ProviderError, Inexpressible) as error:
                if spoken or not _worth_another(error):
                    raise
                failed.append(_Failed(name, attempts, error))
                if place == len(self._candidates):
                    raise _exhausted(failed) from None
                following = self._candidates[place][0]
                yield Decided(step="fallback", chosen=following, reason=f"{name}: {error.message}")


def _worth_another(error: ProviderError | Inexpressible) -> bool:
    if isinstance(error, Inexpressible):
        return True  # the next host's wire may have a word for it
    return error.retryable or not isinstance(error, Rejected) or error.status in (401, 403, 404, 408, 429)


def _exhausted(failed: Sequence[_Failed]) -> ProviderError | Inexpressible:
    """What to tell when nobody could answer: all of it, unless nobody's host was at fault."""
    last = failed[-1].error
    errors = [each.error for each in failed if isinstance(each.error, ProviderError)]
    if len(failed) == 1 or not errors:
        return last
    passing = [error for error in errors if error.retryable]
    told = Exhausted(
        f"None of {len(failed)} models could answer. " + " ".join(_told(each) for each in failed),
        after=min((error.after or _SOON for error in passing), default=None),
        hint=_hint(failed, is_passing=bool(passing)),
    )
    told.retryable = bool(passing)
    return told


def _hint(failed: Sequence[_Failed], *, is_passing: bool) -> str:
    """What to do. Of a host that was not asked it cannot be known whether its wire could say the request."""
    unable = [each for each in failed if isinstance(each.error, Inexpressible)]
    if is_passing and unable:
        return (
            f"Try again in a moment: only {_names(each for each in failed if each not in unable)} may be able to"
            f" take this request. {_names(unable)} never will; change what it cannot say, or name another model."
        )
    if is_passing:
        return "Try again in a moment, or name another model."
    return "Name another model; the operator of this server can mend these."


def _names(failed: Iterable[_Failed]) -> str:
    return " and ".join(each.name for each in failed)


def _told(failed: _Failed) -> str:
    error = failed.error
    # what a host says about the key it was sent is not for callers
    is_our_key = isinstance(error, ProviderError) and error.status in (401, 403)
    why = "its host did not accept this server's key." if is_our_key else error.message
    times = {0: "not asked", 1: "asked once"}.get(failed.attempts, f"asked {failed.attempts} times")
    return f"{failed.name} ({times}): {ended(why)}"
