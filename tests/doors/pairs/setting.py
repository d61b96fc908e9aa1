"""What the tests of the nine pairs share: the hosts, the clients, and what is sent through them.

A pair is a door (OpenAI's, Anthropic's, Gemini's) and the wire of the host behind it. The simulator plays the hosts:
endpoints `openai_chat`, `anthropic` and `gemini`, and `once_…` of each, which is asked once and never given up on.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from anthropic import Anthropic, AsyncAnthropic
from google import genai
from google.genai import types
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint, Resilience
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY

WIRES = ("openai_chat", "anthropic", "gemini")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG64 = base64.b64encode(PNG).decode()
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PDF64 = base64.b64encode(PDF).decode()
URL = "https://example.com/cat.png"

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALLS = '[[call get_weather {"city": "Oslo"}]] [[call get_weather {"city": "Rome"}]]'
CITIES = [{"city": "Oslo"}, {"city": "Rome"}]
TOOLS_SAID = "The tools said: 4 degrees; 21 degrees"
RESULTS = ("4 degrees", "21 degrees")


class Guest(BaseModel):
    """Somebody at the table."""

    name: str
    age: int


class Party(BaseModel):
    """What the answers of structured output must be: nested, with a list."""

    place: str
    guests: list[Guest]


def hosts(host: Simulator) -> Catalogue:
    """The simulator as a host of each wire."""
    bases = {"openai_chat": host.url, "anthropic": host.root, "gemini": host.root}
    usual = [Endpoint(name=wire, wire=wire, base_url=bases[wire]) for wire in WIRES]
    plain = Resilience(attempts=1, breaker_failures=0)
    once = [replace(each, name=f"once_{each.name}", resilience=plain) for each in usual]
    return Catalogue(endpoints={each.name: each for each in (*usual, *once)}, allow_unpriced=True)


@dataclass(frozen=True)
class Clients:
    """The official SDKs on one server. Methods that take plain dicts, as people write them, are `Any` here."""

    url: str
    openai: AsyncOpenAI
    anthropic: AsyncAnthropic
    google: genai.Client

    async def with_openai(self, talk: Callable[[OpenAI], Any]) -> Any:
        """What somebody with the sync client does, in a thread of its own."""

        def run() -> Any:
            with OpenAI(base_url=f"{self.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
                return talk(client)

        return await asyncio.to_thread(run)

    async def with_anthropic(self, talk: Callable[[Anthropic], Any]) -> Any:
        """The same with Anthropic's."""

        def run() -> Any:
            with Anthropic(base_url=self.url, api_key=ADMIN_KEY, max_retries=0) as client:
                return talk(client)

        return await asyncio.to_thread(run)

    async def with_google(self, talk: Callable[[genai.Client], Any]) -> Any:
        """The same with Google's."""

        def run() -> Any:
            client = google(self.url)
            try:
                return talk(client)
            finally:
                client.close()

        return await asyncio.to_thread(run)


def google(url: str, **options: Any) -> genai.Client:
    """Google's client."""
    return genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=url, **options))


def config(**members: Any) -> types.GenerateContentConfig:
    """A configuration without the SDK's own calling of functions."""
    alone = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=alone, **members)


def said(text: object) -> list[Any]:
    """One message of the user's, for OpenAI's door and Anthropic's."""
    return [{"role": "user", "content": text}]
