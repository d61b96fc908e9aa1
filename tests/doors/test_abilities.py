"""A route goes on from a model that is known not to take what a request holds."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import anthropic
import openai
import pytest

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.profile import Profile
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, catalogue_of, podium

PICTURE: Any = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
}
TOOL: Any = {"name": "look_up", "input_schema": {"type": "object"}}


def routed(host: Simulator) -> Catalogue:
    """A model of which text alone is known, and behind it one of which nothing is."""
    catalogue = catalogue_of(host)
    reader = Profile(endpoint="lab", model="reader", media=frozenset(), tools=False)
    return replace(
        catalogue,
        profiles={**catalogue.profiles, reader.name: reader},
        routes={"careful": (reader.name, "lab/small")},
    )


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=routed) as running:
        yield running


@pytest.mark.parametrize(
    ("part", "more", "model"),
    [
        ({"type": "text", "text": "hello"}, {}, "reader"),
        (PICTURE, {}, "small"),
        ({"type": "text", "text": "hello"}, {"tools": [TOOL]}, "small"),
    ],
)
async def test_who_takes_it_is_asked(server: Podium, part: Any, more: dict[str, Any], model: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY) as client:
        await client.messages.create(
            model="careful", max_tokens=10, messages=[{"role": "user", "content": [part]}], **more
        )
    assert [call.model for call in server.host.oracle.calls] == [model]


async def test_where_there_is_no_other_the_member_is_named(server: Podium) -> None:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(
                model="lab/reader", max_tokens=10, messages=[{"role": "user", "content": [PICTURE]}]
            )
    assert "messages[0].content[0]: The model reader takes no images." in caught.value.message
    assert not server.host.oracle.calls


async def test_in_the_hosts_own_dialect_it_is_asked_as_the_client_asks(server: Podium) -> None:
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages: Any = [{"role": "user", "content": [url]}]
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY) as client:
        await client.chat.completions.create(model="careful", messages=messages)
    assert [call.model for call in server.host.oracle.calls] == ["reader"]
