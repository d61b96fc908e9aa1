"""The SDKs' own retries do not duplicate a turn: what comes again joins what it started before its connection broke."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI, InternalServerError

from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.relay import Relay, relay, wait_until
from tests.simulator.serving import wait_until_idle

SLOW = "[[first=0.5]] hello"
LONG_SLOW = "[[tokens=60 rate=20]]"
BODY = {"model": "lab/small", "messages": [{"role": "user", "content": LONG_SLOW}]}


@pytest.fixture
async def line(server: Podium) -> AsyncGenerator[Relay, None]:
    async with relay(server.url) as running:
        yield running


def belonging(conversation: str | None) -> dict[str, Any]:
    return {"x_podium": {"conversation": conversation}} if conversation else {}


async def by_openai(url: str, conversation: str | None, text: str) -> str:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=ADMIN_KEY, max_retries=3) as client:
        told = await client.chat.completions.create(
            model="lab/small",
            messages=[{"role": "user", "content": text}],
            extra_body=belonging(conversation),
        )
        return told.choices[0].message.content or ""


async def by_openai_stream(url: str, conversation: str | None, text: str) -> str:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=ADMIN_KEY, max_retries=3) as client:
        stream = await client.chat.completions.create(
            model="lab/small",
            messages=[{"role": "user", "content": text}],
            extra_body=belonging(conversation),
            stream=True,
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def by_anthropic(url: str, conversation: str | None, text: str) -> str:
    async with AsyncAnthropic(base_url=url, api_key=ADMIN_KEY, max_retries=3) as client:
        told = await client.messages.create(
            model="lab/small",
            max_tokens=999,
            messages=[{"role": "user", "content": text}],
            extra_body=belonging(conversation),
        )
        return "".join(block.text for block in told.content if block.type == "text")


async def by_native(url: str, conversation: str | None, text: str) -> str:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=ADMIN_KEY, max_retries=3) as client:
        path = f"/conversations/{conversation}/turns"
        told: Any = await client.post(path, body={"input": text}, cast_to=object)
        return str(told["output_text"])


Ask = Callable[[str, str | None, str], Awaitable[str]]
ASKS = pytest.mark.parametrize("ask", [by_openai, by_openai_stream, by_anthropic, by_native])
STATELESS = pytest.mark.parametrize("ask", [by_openai, by_openai_stream, by_anthropic])


async def turns(server: Podium, conversation: str) -> list[Any]:
    page = await server.call("GET", f"/v1/turns?conversation={conversation}")
    return list(reversed(page["data"]))


async def roles(server: Podium, conversation: str) -> list[str]:
    page = await server.call("GET", f"/v1/conversations/{conversation}/items")
    return [item["role"] for item in page["data"]]


@ASKS
async def test_a_turn_that_still_runs_is_joined(server: Podium, line: Relay, ask: Ask) -> None:
    conversation = await server.conversation()
    line.cuts, line.when = 1, lambda: bool(server.host.oracle.running)
    assert await ask(line.url, conversation, SLOW) == "You said: hello"
    assert line.asked == 2
    await wait_until_idle(server.host, calls=1)
    assert len(server.host.oracle.calls) == 1
    [turn] = await turns(server, conversation)
    assert turn["status"] == "completed"
    assert await roles(server, conversation) == ["user", "assistant"]


@ASKS
async def test_a_turn_that_has_ended_gives_its_answer_again(server: Podium, line: Relay, ask: Ask) -> None:
    conversation = await server.conversation()
    line.cuts = 2
    assert await ask(line.url, conversation, "hello") == "You said: hello"
    assert line.asked == 3
    await wait_until_idle(server.host, calls=1)
    assert len(server.host.oracle.calls) == 1
    assert len(await turns(server, conversation)) == 1


@STATELESS
async def test_a_stateless_turn_waits_a_moment_for_its_client(server: Podium, line: Relay, ask: Ask) -> None:
    line.cuts, line.when = 1, lambda: bool(server.host.oracle.running)
    told = await ask(line.url, None, LONG_SLOW)
    await wait_until_idle(server.host, calls=1)
    [call] = server.host.oracle.calls
    assert (line.asked, call.ended, call.characters) == (2, "complete", len(told))


async def test_a_client_that_does_not_come_again_ends_its_stateless_turn(server: Podium) -> None:
    async with relay(server.url) as line:
        line.cuts, line.when = 1, lambda: bool(server.host.oracle.running)
        async with AsyncOpenAI(base_url=f"{line.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
            with pytest.raises(Exception, match="Connection error"):
                await client.post("/chat/completions", body=BODY, cast_to=object)
    await wait_until(lambda: server.host.oracle.calls)  # after the moment that it is given
    assert server.host.oracle.calls[0].ended == "client_gone"


async def test_a_key_keeps_a_stateless_turn_for_its_client(server: Podium, line: Relay) -> None:
    line.cuts, line.when = 1, lambda: bool(server.host.oracle.running)
    async with AsyncOpenAI(base_url=f"{line.url}/v1", api_key=ADMIN_KEY, max_retries=3) as client:
        options: Any = {"headers": {"idempotency-key": "mine"}}
        told: Any = await client.post("/chat/completions", body=BODY, cast_to=object, options=options)
    await wait_until_idle(server.host, calls=1)
    [call] = server.host.oracle.calls
    assert call.ended == "complete"
    assert len(told["choices"][0]["message"]["content"]) == call.characters


async def test_a_first_try_never_joins(server: Podium) -> None:
    conversation = await server.conversation()
    for _ in range(2):
        assert await by_openai(server.url, conversation, "hello") == "You said: hello"
    assert len(await turns(server, conversation)) == 2
    assert await roles(server, conversation) == ["user", "assistant"] * 2


async def again(server: Podium, path: str, body: Any, **headers: str) -> Any:
    return await server.call("POST", path, json=body, headers={"x-stainless-retry-count": "1", **headers})


async def test_only_the_same_request_of_the_same_user_joins(server: Podium) -> None:
    conversation = await server.conversation()
    path = f"/v1/conversations/{conversation}/turns"
    begun = await server.call("POST", path, json={"input": "hello"}, headers={"x-stainless-retry-count": "0"})
    assert (await again(server, path, {"input": "hello"}))["id"] == begun["id"]
    assert (await again(server, path, {"input": "hullo"}))["id"] != begun["id"]
    elsewhere = f"/v1/conversations/{await server.conversation()}/turns"
    assert (await again(server, elsewhere, {"input": "hello"}))["id"] != begun["id"]
    made = await server.call("POST", "/v1/keys", json={"tenant": "default", "user": "eve", "scope": "admin"})
    key = f"Bearer {made['key']}"
    assert (await again(server, path, {"input": "hello"}, authorization=key))["id"] != begun["id"]


async def test_the_latest_of_several_like_it_is_joined(server: Podium) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    first = {"x-stainless-retry-count": "0"}
    begun = [await server.call("POST", path, json={"input": "hello"}, headers=first) for _ in range(2)]
    assert (await again(server, path, {"input": "hello"}))["id"] == begun[1]["id"]


async def test_what_failed_is_tried_again_on_the_same_words(server: Podium) -> None:
    conversation = await server.conversation()
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=2) as client:
        told = await client.chat.completions.create(
            model="once/any",
            messages=[{"role": "user", "content": "[[fault 503 times=1 key=once]] hello"}],
            extra_body=belonging(conversation),
        )
    assert told.choices[0].message.content == "You said: hello"
    assert [turn["status"] for turn in await turns(server, conversation)] == ["failed", "completed"]
    assert await roles(server, conversation) == ["user", "assistant"], "the user has said it once"


async def test_what_failed_before_the_conversation_went_on_stays_as_it_is(server: Podium) -> None:
    conversation = await server.conversation()
    path = f"/v1/conversations/{conversation}/turns"
    body = {"input": "[[fault 503 times=1 key=on]] hello", "model": "once/any"}
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
        with pytest.raises(InternalServerError):
            await client.post(path.removeprefix("/v1"), body=body, cast_to=object)
        await server.call("POST", path, json={"input": "something else"})
        options: Any = {"headers": {"x-stainless-retry-count": "1"}}
        with pytest.raises(InternalServerError):
            await client.post(path.removeprefix("/v1"), body=body, cast_to=object, options=options)
    assert len(await turns(server, conversation)) == 2


async def test_another_process_knows_the_turn_too(server: Podium, dsn: str) -> None:
    path = f"/v1/conversations/{await server.conversation()}/turns"
    begun = await server.call("POST", path, json={"input": "hello"}, headers={"x-stainless-retry-count": "0"})
    async with podium(dsn) as other:
        assert (await again(other, path, {"input": "hello"})) == begun
        assert not other.host.oracle.calls
