"""A turn of any dialect that does not run at once: it waits in its conversation, or goes on with one that broke off."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import product
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.doors.podium import Podium, podium
from tests.doors.surface import WIRES, hosts
from tests.serving import Cluster, fresh_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

NATIVE = "/v1/conversations/{}/turns"
TOOL = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}
PAIRS = list(product(WIRES, WIRES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(cluster: Cluster) -> AsyncGenerator[Podium, None]:
    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=hosts) as started:
        yield started


def asked(wire: str, model: str, text: str) -> tuple[str, dict[str, Any]]:
    """A request of this dialect with instructions and a tool: its path and its body."""
    match wire:
        case "openai_chat":
            lines = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
            tools = [{"type": "function", "function": TOOL}]
            return "/v1/chat/completions", {"model": model, "messages": lines, "tools": tools}
        case "anthropic":
            tools = [{"name": "look", "description": "Look.", "input_schema": TOOL["parameters"]}]
            lines = [{"role": "user", "content": text}]
            more = {"system": "Be kind.", "max_tokens": 900, "tools": tools}
            return "/v1/messages", {"model": model, "messages": lines, **more}
        case _:
            contents = [{"role": "user", "parts": [{"text": text}]}]
            system = {"parts": [{"text": "Be kind."}]}
            more = {"systemInstruction": system, "tools": [{"functionDeclarations": [TOOL]}]}
            return f"/v1beta/models/{model}:generateContent", {"contents": contents, **more}


async def say(server: Podium, wire: str, model: str, text: str, conversation: str) -> str:
    """One message in a conversation over the door of a dialect; what was answered."""
    path, body = asked(wire, model, text)
    told = await server.call("POST", path, json={**body, "x_podium": {"conversation": conversation}})
    match wire:
        case "openai_chat":
            said = told["choices"][0]["message"]["content"]
        case "anthropic":
            said = "".join(block["text"] for block in told["content"])
        case _:
            said = "".join(part["text"] for part in told["candidates"][0]["content"]["parts"])
    assert isinstance(said, str)
    return said


@pytest.mark.parametrize(("wire", "host"), PAIRS)
async def test_a_message_of_any_dialect_waits_for_the_one_that_is_answered(
    server: Podium, wire: str, host: str
) -> None:
    conversation = await server.conversation()
    model = f"{host}/small"
    first = {"input": "[[tokens=8 rate=20]]", "model": "openai_chat/small"}
    async with server.http.post(
        server.url + NATIVE.format(conversation), json={**first, "stream": True}
    ) as slow:
        await slow.content.readany()
        waiting = asyncio.create_task(say(server, wire, model, "[[recall]]", conversation))
        while not await _queued(server, conversation):
            assert not waiting.done(), waiting
        await slow.read()
    told = (await waiting).split("\n")
    assert told[0].endswith(": Be kind.")
    assert told[1] == "user: [[tokens=8 rate=20]]"
    assert told[-1] == "user: [[recall]]"


async def _queued(server: Podium, conversation: str) -> int:
    told = await server.call("GET", f"/v1/conversations/{conversation}")
    depth: int = (told.get("queue") or {"depth": 0})["depth"]
    return depth


@pytest.mark.parametrize(("wire", "host"), PAIRS)
async def test_a_broken_answer_of_any_dialect_can_be_continued(server: Podium, wire: str, host: str) -> None:
    conversation = await server.conversation()
    path, body = asked(wire, f"{host}/small", "[[tokens=30]] [[fault close after=5]]")
    body |= {"x_podium": {"conversation": conversation}}
    if wire == "gemini":
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    else:
        body["stream"] = True
    async with server.http.post(server.url + path, json=body) as broken:
        turn = broken.headers["x-podium-turn"]
        await broken.read()
    assert (await server.call("GET", f"/v1/turns/{turn}"))["status"] == "interrupted"
    told = await server.call("POST", f"/v1/turns/{turn}/continue")
    assert (told["status"], told["model"]) == ("completed", f"{host}/small")


async def test_a_message_that_cannot_be_read_any_more_fails_and_lets_the_next_one_speak(
    cluster: Cluster,
) -> None:
    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=hosts) as server:
        conversation = await server.conversation()
        path = server.url + NATIVE.format(conversation)
        async with server.http.post(path, json={"input": "[[tokens=8 rate=20]]", "stream": True}) as slow:
            await slow.content.readany()
            spoiled = asyncio.create_task(told(server, path))
            while await _queued(server, conversation) < 1:
                assert not spoiled.done()
            database = await asyncpg.connect(dsn)
            await database.execute("UPDATE turns SET ask = '{}' WHERE status = 'queued'")
            await database.close()
            fine = asyncio.create_task(told(server, path))
            await slow.read()
        status, answer = await spoiled
        assert (status, answer["error"]["code"]) == (500, "internal_error")
        status, answer = await fine
        assert (status, answer["output_text"]) == (200, "You said: hello")


async def told(server: Podium, path: str) -> tuple[int, Any]:
    """How a native turn was answered."""
    async with server.http.post(path, json={"input": "hello"}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(("wire", "host"), PAIRS)
async def test_a_result_without_a_call_is_refused_by_its_id(server: Podium, wire: str, host: str) -> None:
    conversation = await server.conversation()
    await say(server, wire, f"{host}/small", "hello", conversation)
    path, body = asked(wire, f"{host}/small", "hello")
    match wire:
        case "openai_chat":
            body["messages"] = [{"role": "tool", "tool_call_id": "nope", "content": "4"}]
        case "anthropic":
            result = {"type": "tool_result", "tool_use_id": "nope", "content": "4"}
            body["messages"] = [{"role": "user", "content": [result]}]
        case _:
            response: Any = {"functionResponse": {"id": "nope", "name": "look", "response": {"output": "4"}}}
            body["contents"] = [{"role": "user", "parts": [response]}]
    given = {**body, "x_podium": {"conversation": conversation}}
    async with server.http.post(server.url + path, json=given) as answer:
        assert answer.status == 400
        assert "There is no open call 'nope'" in await answer.text()


@pytest.mark.parametrize("wire", WIRES)
async def test_a_conversation_in_which_nothing_new_is_said_is_refused(server: Podium, wire: str) -> None:
    conversation = await server.conversation()
    path, body = asked(wire, "openai_chat/small", "hello")
    if wire == "gemini":
        body["contents"].append({"role": "model", "parts": [{"text": "Well, "}]})
    else:
        body["messages"].append({"role": "assistant", "content": "Well, "})
    given = {**body, "x_podium": {"conversation": conversation}}
    async with server.http.post(server.url + path, json=given) as answer:
        assert answer.status == 400
        assert "Nothing is said in this conversation" in await answer.text()
    assert (await server.call("GET", f"/v1/conversations/{conversation}/items"))["data"] == []
