"""Names that no model can have are unknown at every door, in its own words."""

from collections.abc import Mapping
from typing import Any

import pytest
from yarl import URL

from tests.doors.podium import Podium

SAID = [{"role": "user", "content": "hello"}]
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/v1/conversations/{id}/turns": {"input": "hello"},
    "/v1/chat/completions": {"messages": SAID},
    "/v1/messages": {"messages": SAID, "max_tokens": 9},
    "/v1/messages/count_tokens": {"messages": SAID},
    "/v1/estimate": {"input": "hello"},
    "/chat": {"message": "hello", "session_id": "s", "user_id": "u"},
}


@pytest.mark.parametrize("path", BODIES)
async def test_a_name_with_a_character_that_cannot_be_shown_is_of_no_model(server: Podium, path: str) -> None:
    url = server.url + path.format(id=await server.conversation())
    for name in ("lab/a\0b", "a\0b", "lab/a\nb", "lab/\x7f", "lab/\u202ea"):
        async with server.http.post(url, json={**BODIES[path], "model": name}) as answer:
            told = await answer.text()
            assert answer.status == 404, (name, told)
            assert "answers to the model" in told
    assert not server.host.oracle.calls


@pytest.mark.parametrize("name", ["lab/a%00b", "lab/a%0Ab"])
async def test_such_a_name_in_a_path_is_of_no_model(server: Podium, name: str) -> None:
    asked = {"contents": [{"parts": [{"text": "hello"}]}]}
    asks: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/models/{name}", {}),
        ("GET", f"/v1beta/models/{name}", {}),
        ("POST", f"/v1beta/models/{name}:generateContent", {"json": asked}),
        ("POST", f"/v1beta/models/{name}:countTokens", {"json": asked}),
    ]
    for method, path, more in asks:
        async with server.http.request(method, URL(server.url + path, encoded=True), **more) as answer:
            assert answer.status == 404, (path, await answer.text())


async def test_a_bare_name_is_answered_with_the_endpoints_that_have_it(server: Podium) -> None:
    for name, likely in (("any", "dead/any"), ("mall", "lab/small")):
        async with server.http.post(
            f"{server.url}/v1/chat/completions", json={"messages": SAID, "model": name}
        ) as answer:
            assert answer.status == 404
            assert f"Did you mean '{likely}'?" in (await answer.json())["error"]["message"]
