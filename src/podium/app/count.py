"""How many tokens a request would be: the host's own count where there is one, else ours."""

import logging
import math
from dataclasses import dataclass
from typing import Literal

from podium.app.voice import Voices
from podium.catalogue.catalogue import Candidate, Catalogue
from podium.errors import Inexpressible, PodiumError, ProviderError
from podium.providers.provider import Call
from podium.providers.remote import Count
from podium.tokens import count as tokens
from podium.tokens.count import count_request, told
from podium.vocabulary.cost import CountingMethod
from podium.vocabulary.request import Request

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of tokens, and whose count it is.

    `wire` and `body` are the host's own answer and its dialect; `failure` is the code of the error for which the host
    gave none.
    """

    tokens: int
    method: Literal["provider"] | CountingMethod
    wire: str | None = None
    body: bytes = b""
    failure: str | None = None


class Counter:
    """Counts the tokens of requests, as the model would that answers them first."""

    def __init__(self, catalogue: Catalogue, voices: Voices) -> None:
        self._catalogue = catalogue
        self._voices = voices

    async def count(self, request: Request, *, trace: str) -> Counted:
        """A host that fails, or does not answer within ten seconds, is made up for by our own count.

        Raises:
            UnknownModel: nothing answers to the request's model.
        """
        candidate = self._catalogue.resolve(request.model or None)[0]
        failure: str | None = None
        try:
            count = await self._ask(candidate, request, trace)
        except (ProviderError, Inexpressible) as error:
            _log.warning("count.estimated endpoint=%s error=%s", candidate.endpoint.name, error.code)
            count, failure = None, _told(error)
        if count is None:
            own = await count_request(request, candidate.profile)
            return Counted(own.tokens, own.method, failure=failure)
        return Counted(count.tokens, "provider", candidate.endpoint.wire, count.body)

    async def careful(self, request: Request, candidate: Candidate, *, trace: str) -> tokens.Count:
        """What money is held by near a limit: the host's own count if its endpoint has `count_tokens`, else ours."""
        if candidate.endpoint.count_tokens:
            counted = await self.count(request, trace=trace)
            if counted.method == "provider":
                return told(counted.tokens)
        return await count_request(request, candidate.profile)

    async def _ask(self, candidate: Candidate, request: Request, trace: str) -> Count | None:
        call = Call(turn=None, purpose="count", deadline=math.inf, trace=trace)
        return await self._voices.counted(candidate, request, call)


def _told(error: PodiumError) -> str:
    status = error.status if isinstance(error, ProviderError) else None
    return f"{error.code} ({status})" if status else error.code
