"""Every door takes a key in every way, ignores what it does not know, and repeats no key."""

import logging
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import hosts

ASKED = [{"role": "user", "content": "hello"}]
DOORS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/v1/chat/completions", {"model": "gemini/any", "messages": ASKED}),
    ("POST", "/v1/messages", {"model": "openai_chat/any", "max_tokens": 10, "messages": ASKED}),
    ("POST", "/v1/messages/count_tokens", {"model": "openai_chat/any", "messages": ASKED}),
    *(
        ("POST", f"/{version}/models/anthropic/any:{action}", {"contents": [{"parts": [{"text": "hello"}]}]})
        for version in ("v1", "v1beta", "v1alpha")
        for action in ("generateContent", "streamGenerateContent", "countTokens")
    ),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/gemini/any", None),
    ("GET", "/v1beta/models", None),
    ("GET", "/v1alpha/models/gemini%2Fany", None),
    ("POST", "/v1/conversations", {}),
    ("GET", "/v1/turns", None),
]
WAYS: list[tuple[dict[str, str], str]] = [
    ({"authorization": f"Bearer {ADMIN_KEY}"}, ""),
    ({"authorization": f"bearer {ADMIN_KEY}"}, ""),
    ({"x-api-key": ADMIN_KEY}, ""),
    ({"x-goog-api-key": ADMIN_KEY}, ""),
    ({}, f"key={ADMIN_KEY}&"),
]


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


async def test_every_door_takes_every_way_to_bring_a_key(
    server: Podium, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []
    async with aiohttp.ClientSession() as http:
        for method, path, body in DOORS:
            for headers, query in WAYS:
                url = f"{server.url}{path}?{query}beta=true&unknown=%00&alt=json"
                async with http.request(method, url, json=body, headers=headers) as answer:
                    told.append(await answer.read())
                    assert answer.status in (200, 201), (method, path, headers, query, told[-1])
                wrong = {name: value.replace(ADMIN_KEY, "sk-wrong-key") for name, value in headers.items()}
                url = url.replace(ADMIN_KEY, "sk-wrong-key")
                async with http.request(method, url, json=body, headers=wrong) as answer:
                    told.append(await answer.read())
                    assert answer.status == 401, (method, path, headers, query)
            async with http.request(method, server.url + path, json=body) as answer:
                assert answer.status == 401, (method, path)
    # uvicorn's access log is off, as it is in earnest; pytest hands its handler to it all the same
    records = [record for record in caplog.records if record.name != "uvicorn.access"]
    logged = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in records)
    for secret in (ADMIN_KEY, "sk-wrong-key"):
        assert secret not in logged
        assert secret.encode() not in b"".join(told)


async def test_a_key_in_the_query_is_not_logged_when_the_server_fails(
    server: Podium, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("podium.api.doors.models.ModelRoutes._gemini", broken)
    async with server.http.get(f"{server.url}/v1beta/models?key={ADMIN_KEY}") as answer:
        assert answer.status == 500
        assert (await answer.json())["error"]["status"] == "INTERNAL"
    assert "request.failed GET '/v1beta/models'" in caplog.text
    assert ADMIN_KEY not in caplog.text


async def test_what_the_query_says_of_the_dialect_goes_to_no_host(server: Podium) -> None:
    """Only headers and bodies are passed on; a query could not smuggle a header in."""
    url = f"{server.url}/v1/messages?anthropic-beta=x%0d%0ax-evil:1&max_tokens=5&method=count_tokens"
    body = {"model": "anthropic/any", "messages": ASKED}
    async with server.http.post(url, json=body) as answer:
        assert answer.status == 400
        assert "max_tokens" in (await answer.json())["error"]["message"]
    async with server.http.post(url, json={**body, "max_tokens": 10}) as answer:
        assert answer.status == 200
