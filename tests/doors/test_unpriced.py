"""A model of which nobody knows the price, at every door: refused, plainly, before anything is sent or kept."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from podium.catalogue.catalogue import Catalogue
from podium.simulator import Simulator
from tests.doors.podium import Podium, catalogue_of, podium

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "lab/dark", "messages": [{"role": "user", "content": "hello"}]},
    "/v1/messages": {
        "model": "lab/dark",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hello"}],
    },
    "/v1beta/models/lab/dark:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
}


def dear(host: Simulator) -> Catalogue:
    """As everywhere, but no model without a price is called; a route that has one of those first."""
    known = catalogue_of(host)
    return replace(known, allow_unpriced=False, routes={"mixed": ("lab/dark", "lab/small")})


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=dear) as running:
        yield running


async def refused(house: Podium, path: str, body: dict[str, Any]) -> str:
    """The text of the refusal."""
    async with house.http.post(house.url + path, json=body) as answer:
        assert answer.status == 400
        return await answer.text()


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("path", ASKED)
async def test_a_model_without_a_price_is_refused_at_every_door_and_nothing_is_sent(
    house: Podium, path: str, streams: bool
) -> None:
    body = ASKED[path]
    if "contents" in body:
        path = path.replace("generateContent", "streamGenerateContent") if streams else path
    else:
        body = {**body, "stream": streams}
    told = await refused(house, path, body)
    assert "lab/dark" in told
    assert "allow_unpriced = true" in told
    assert not house.host.oracle.calls


async def test_a_turn_with_a_model_without_a_price_is_refused_and_its_message_not_kept(house: Podium) -> None:
    conversation = await house.conversation()
    path = f"/v1/conversations/{conversation}/turns"
    told = await refused(house, path, {"input": "hello", "model": "lab/dark"})
    assert '"model_unpriced"' in told
    items = await house.call("GET", f"/v1/conversations/{conversation}/items")
    assert items["data"] == []


async def test_a_route_goes_by_a_model_without_a_price_and_its_story_says_so(house: Podium) -> None:
    path = f"/v1/conversations/{await house.conversation()}/turns"
    turn = await house.call("POST", path, json={"input": "hello", "model": "mixed", "stream": False})
    story = await house.call("GET", f"/v1/turns/{turn['id']}/explain")
    assert turn["model"] == "lab/small"
    assert "skipped, as no price is known: lab/dark" in str(story)
    assert [call.model for call in house.host.oracle.calls] == ["small"]
