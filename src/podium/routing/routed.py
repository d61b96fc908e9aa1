"""The next candidate answers when one fails before it has spoken."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from podium.errors import Inexpressible, ProviderError, Rejected
from podium.providers.provider import Call, Provider
from podium.vocabulary.event import VISIBLE, Decided, Spoken
from podium.vocabulary.request import Request


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
            ProviderError: the last candidate's failure.
        """
        for place, (_name, provider) in enumerate(self._candidates, start=1):
            spoken = False
            try:
                async with contextlib.aclosing(provider.stream(request, call)) as events:
                    async for event in events:
                        spoken = spoken or isinstance(event, VISIBLE)
                        yield event
                return
            except (ProviderError, Inexpressible) as error:
                if spoken or place == len(self._candidates) or not _worth_another(error):
                    raise
                following = self._candidates[place][0]
                yield Decided(step="fallback", chosen=following, reason=f"{_name}: {error.message}")


def _worth_another(error: ProviderError | Inexpressible) -> bool:
    if isinstance(error, Inexpressible):
        return True  # the next host's wire may have a word for it
    return error.retryable or not isinstance(error, Rejected) or error.status in (401, 403, 404, 408, 429)
