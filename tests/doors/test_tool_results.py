"""The results of tools that a client runs, in a conversation: of each dialect, whoever called."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import pytest_asyncio
from google import genai
from google.genai import types

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import WIRES, hosts, playing
from tests.serving import Cluster, fresh_database
from tests.wires.streams import chunk

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOORS = (*WIRES, "idless gemini", "native")
CALLS = '[[call look {"at": "a"}]] [[call listen {}]] [[call look {"at": "b"}]]'
PAIRS = list(product(DOORS, WIRES))
Given = tuple[str, str, str]
"""The id of a call, its name, and what came of it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(cluster: Cluster) -> AsyncGenerator[Podium, None]:
    async with fresh_database(cluster) as dsn, podium(dsn, catalogue=hosts) as started:
        yield started


async def called(server: Podium, host: str, conversation: str) -> list[Given]:
    """The calls that a host makes in this conversation, and what will have come of them."""
    path = f"/v1/conversations/{conversation}/turns"
    told = await server.call("POST", path, json={"input": CALLS, "model": f"{host}/small"})
    calls = [(part["id"], part["name"]) for part in told["output"] if part["type"] == "tool_call"]
    assert [name for _, name in calls] == ["look", "listen", "look"]
    return [(*call, said) for call, said in zip(calls, ("one", "two", "three"), strict=True)]


async def give(
    server: Podium, way: tuple[str, str], conversation: str, results: Sequence[Given]
) -> tuple[int, str]:
    """A request of a dialect's with results in a conversation: the status and the body of what is answered."""
    door, host = way
    model = f"{host}/small"
    body: dict[str, Any] = {"model": model}
    match door:
        case "openai_chat":
            path = "/v1/chat/completions"
            body["messages"] = [
                {"role": "tool", "tool_call_id": call, "content": said} for call, _, said in results
            ]
        case "anthropic":
            path = "/v1/messages"
            content = [
                {"type": "tool_result", "tool_use_id": call, "content": said} for call, _, said in results
            ]
            body |= {"max_tokens": 900, "messages": [{"role": "user", "content": content}]}
        case "native":
            path = f"/v1/conversations/{conversation}/turns"
            body["input"] = [
                {"type": "tool_result", "call_id": call, "parts": [{"type": "text", "text": said}]}
                for call, _, said in results
            ]
        case _:
            path = f"/v1beta/models/{model}:generateContent"
            said_of = [{"name": name, "response": {"output": said}} for _, name, said in results]
            if door == "gemini":
                said_of = [{"id": call, **each} for (call, *_), each in zip(results, said_of, strict=True)]
            body = {"contents": [{"role": "user", "parts": [{"functionResponse": each} for each in said_of]}]}
    if door != "native":
        body["x_podium"] = {"conversation": conversation}
    async with server.http.post(server.url + path, json=body) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("way", PAIRS)
async def test_results_of_some_calls_are_refused_and_all_of_them_together_are_taken(
    server: Podium, way: tuple[str, str]
) -> None:
    conversation = await server.conversation()
    results = await called(server, way[1], conversation)
    status, told = await give(server, way, conversation, results[:1])
    assert status == 400
    assert "no result yet" in told
    assert results[0][0] not in told
    assert all(call in told for call, *_ in results[1:])
    status, told = await give(server, way, conversation, results)
    assert (status, "The tools said: one; two; three" in told) == (200, True)


@pytest.mark.parametrize("way", PAIRS)
async def test_the_results_that_were_left_out_may_come_alone(server: Podium, way: tuple[str, str]) -> None:
    conversation = await server.conversation()
    results = await called(server, way[1], conversation)
    assert (await give(server, way, conversation, results[:1]))[0] == 400
    status, told = await give(server, way, conversation, results[1:])
    assert (status, "The tools said: one; two; three" in told) == (200, True)


@pytest.mark.parametrize("door", DOORS)
async def test_results_may_be_given_again_when_the_host_has_failed(server: Podium, door: str) -> None:
    conversation = await server.conversation()
    results = await called(server, "gemini", conversation)
    assert (await give(server, (door, "dead_anthropic"), conversation, results))[0] == 503
    status, told = await give(server, (door, "anthropic"), conversation, results)
    assert (status, "The tools said: one; two; three" in told) == (200, True)


async def test_a_call_that_was_whole_when_its_answer_broke_off_can_be_answered(cluster: Cluster) -> None:
    calls = [
        {"index": at, "id": name, "function": {"name": name, "arguments": arguments}}
        for at, name, arguments in ((0, "look", "{}"), (1, "listen", '{"to'))
    ]
    cut = b"".join(chunk({"tool_calls": [call]}) for call in calls)
    async with playing({"/v1/chat/completions": cut}) as address, fresh_database(cluster) as dsn:

        def cutting(host: Simulator) -> Catalogue:
            endpoint = Endpoint(name="cutting", wire="openai_chat", base_url=f"{address}/v1")
            catalogue = hosts(host)
            return replace(catalogue, endpoints={**catalogue.endpoints, "cutting": endpoint})

        async with podium(dsn, catalogue=cutting) as server:
            conversation = await server.conversation()
            path = f"{server.url}/v1/conversations/{conversation}/turns"
            asked = {"input": "hi", "model": "cutting/small", "stream": True}
            async with server.http.post(path, json=asked) as answer:
                turn = answer.headers["x-podium-turn"]
                await answer.read()
            broken = await server.call("GET", f"/v1/turns/{turn}")
            assert broken["status"] == "interrupted"
            assert [part["id"] for part in broken["output"]] == ["look"]
            results = [("look", "look", "one")]
            status, told = await give(server, ("native", "openai_chat"), conversation, results)
            assert (status, "The tools said: one" in told) == (200, True)


# The SDK itself subclasses aiohttp's session, which aiohttp warns of.
@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")
@pytest.mark.parametrize("host", WIRES)
async def test_the_google_sdk_runs_functions_by_itself_in_a_conversation(server: Podium, host: str) -> None:
    def look(at: str) -> str:
        """Look."""
        return f"seen {at}"

    def listen() -> str:
        """Listen."""
        return "heard"

    conversation = await server.conversation()
    client = genai.Client(
        api_key=ADMIN_KEY,
        vertexai=False,
        http_options=types.HttpOptions(
            base_url=server.url, extra_body={"x_podium": {"conversation": conversation}}
        ),
    )
    config = types.GenerateContentConfig(tools=[look, listen])
    for _ in range(2):
        told = await client.aio.models.generate_content(model=f"{host}/small", contents=CALLS, config=config)
        said = ('{"result": "seen a"}', '{"result": "heard"}', '{"result": "seen b"}')
        assert told.text == f"The tools said: {'; '.join(said)}"
    await client.aio.aclose()
