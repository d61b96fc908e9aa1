"""Calls of a `Remote` for tests: what came, and what went wrong."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from podium.catalogue.endpoint import Endpoint, Patience
from podium.catalogue.profile import Profile
from podium.errors import ProviderError
from podium.providers.provider import Call
from podium.providers.remote import Remote, open_client
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.part import Text, plain_text
from podium.vocabulary.request import Line, Request
from podium.wires.openai_chat import OpenAIChat

KEY = "sk-very-secret-0123456789"
QUICK = Patience(connect=0.5, first_byte=0.3, idle=0.2, total=5.0)
"""Patience that tests can wait out."""


@dataclass(frozen=True)
class Heard:
    """What one call gave: the answer as far as it came, the error, and the seconds it took."""

    answer: Answer
    error: ProviderError | None
    seconds: float

    @property
    def text(self) -> str:
        return plain_text(self.answer.choices[0].parts) if self.answer.choices else ""

    def failure(self) -> ProviderError:
        """The error, of which there must be one."""
        assert self.error is not None, f"it went well: {self.answer}"
        return self.error


def endpoint(url: str, *, patience: Patience = QUICK, proxy: str | None = None) -> Endpoint:
    return Endpoint("lab", "openai_chat", url, api_key=KEY, patience=patience, proxy=proxy)


def remote(session: aiohttp.ClientSession, place: Endpoint, *, streaming: bool = True) -> Remote:
    return Remote(session, OpenAIChat(), place, Profile("lab", "echo", streaming=streaming))


def asking(text: str) -> Request:
    return Request("echo", (Line("user", (Text(text),)),), stream=True)


def call(*, within: float = 10.0) -> Call:
    return Call(turn=None, purpose="test", deadline=time.monotonic() + within, trace="test")


async def hear(provider: Remote, text: str, *, within: float = 10.0) -> Heard:
    """Ask and listen to the end, good or bad."""
    collector, began = Collector(), time.monotonic()
    error: ProviderError | None = None
    try:
        async with aclosing(provider.stream(asking(text), call(within=within))) as spoken:
            async for delta in spoken:
                collector.add(delta)  # type: ignore[arg-type]  # a Remote speaks no facts
    except ProviderError as raised:
        error = raised
    return Heard(collector.answer(), error, time.monotonic() - began)


@asynccontextmanager
async def client() -> AsyncGenerator[aiohttp.ClientSession, None]:
    """A client session as `app` opens it."""
    async with open_client() as session:
        yield session
