"""The local model as a provider: found wherever it listens, asked again when it was dead before a word was sent."""

from collections.abc import AsyncGenerator

import pytest

from podium.catalogue.catalogue import Candidate
from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Truncated, Unreachable
from podium.providers.local.local import Local
from podium.providers.provider import Call
from podium.vocabulary.event import Spoken, TextDelta
from podium.vocabulary.request import Request

CALL = Call(turn=None, purpose="test", deadline=1e12, trace="t")
REQUEST = Request(model="smollm2-135m", lines=())
ENDPOINT = Endpoint(name="local", wire="openai_chat", base_url="http://127.0.0.1:0/v1", api_key="sesame")
CANDIDATE = Candidate(Profile("local", "smollm2-135m"), ENDPOINT)


class Playing:
    """A remote host that says its address, or fails as it is told."""

    def __init__(self, endpoint: Endpoint, failures: dict[str, Exception]) -> None:
        self._endpoint = endpoint
        self._failures = failures

    async def stream(self, request: Request, call: Call, /) -> AsyncGenerator[Spoken, None]:
        failure = self._failures.get(self._endpoint.base_url)
        if isinstance(failure, Unreachable):
            raise failure
        yield TextDelta(index=0, text=self._endpoint.base_url)
        if failure is not None:
            raise failure


def local(*addresses: str, **failures: Exception) -> Local:
    coming = iter(addresses)

    async def address() -> str:
        return next(coming)

    return Local(CANDIDATE, address, lambda endpoint: Playing(endpoint, failures))


async def heard(provider: Local) -> list[str]:
    return [each.text async for each in provider.stream(REQUEST, CALL) if isinstance(each, TextDelta)]


async def test_it_is_asked_where_it_listens_at_present() -> None:
    provider = local("one", "two")
    assert await heard(provider) == ["one"]
    assert await heard(provider) == ["two"]


async def test_one_that_had_just_died_is_asked_again_where_it_is_started() -> None:
    assert await heard(local("one", "two", one=Unreachable("gone"))) == ["two"]


async def test_one_that_cannot_be_reached_twice_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await heard(local("one", "one", one=Unreachable("gone")))


async def test_its_death_in_mid_stream_is_not_covered_up() -> None:
    with pytest.raises(Truncated):
        await heard(local("one", "two", one=Truncated("broke")))
